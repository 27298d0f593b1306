"""What configuration alone says of each alert's timing, from the drill-time manifest and the running rules."""

from pathlib import Path
from typing import Any

import msgspec

from chaos.facts.alerts import RuleLoaded, Timing


def rules_loaded(manifest: Path | None, hold_seconds: dict[str, float], receiver: str) -> list[RuleLoaded]:
    """One fact for each rule that runs; those that the manifest does not know are left out.

    `hold_seconds` is the live `for` of each. It counts, not the file's: it is what the page waited for.
    """
    if manifest is None:
        return []
    known: dict[str, Any] = msgspec.json.decode(manifest.read_bytes())
    loaded = []
    for alert, held in hold_seconds.items():
        if alert in known["alerts"]:
            drill, production = (_timing(known, alert, pace) for pace in ("drill", "production"))
            to = known["alerts"][alert]["routes"][0]["receiver"] if known["alerts"][alert]["routes"] else receiver
            loaded.append(RuleLoaded(0.0, alert, to, msgspec.structs.replace(drill, for_seconds=held), production))
    return loaded


def _timing(known: dict[str, Any], alert: str, pace: str) -> Timing:
    rule = known["alerts"][alert]
    route = rule["routes"][0] if rule["routes"] else {}
    evaluation = known[pace]["evaluation_interval_seconds"]
    return Timing(
        scrape_seconds=known[pace]["scrape_interval_seconds"],
        evaluation_seconds=evaluation,
        window_seconds=min(rule[f"ranges_{pace}_seconds"], default=0.0),
        for_seconds=rule[f"for_{pace}_seconds"],
        group_wait_seconds=route.get(f"group_wait_{pace}_seconds", 0.0),
        group_interval_seconds=route.get(f"group_interval_{pace}_seconds", 0.0),
        keep_firing_for_seconds=rule[f"keep_firing_for_{pace}_seconds"],
    )
