"""The report as one HTML file that needs nothing else: the verdict, the timeline, and traces as waterfalls."""

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from chaos.facts.pages import PageSeen
from chaos.facts.recording import Recording
from chaos.report import alert_words, drawing, durations, result_words, timeline, waterfall, words
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.results import PanelResult
from chaos.verdict.verdict import Verdict

LEDGERS = ("orders", "sessions")
"""The fields of a verdict that say what became of what was acknowledged."""
_PANEL_WORDS = {
    (True, True): ("moved", "ok"),
    (True, False): ("did not move", "broken"),
    (False, False): ("still", "ok"),
    (False, True): ("moved", "broken"),
    (True, None): ("no data", "no-data"),
    (False, None): ("no data", "no-data"),
}
"""Word and style, by what was expected and what was seen."""


def render(verdict: Verdict, recording: Recording, shown: str) -> str:
    """The page of one run; `shown` is the path of the recording."""
    run = timeline.of(recording, verdict)
    quiet = [alert for alert in verdict.alerts if alert.outcome is AlertOutcome.QUIET]
    return page(
        "report.html.j2",
        verdict=verdict,
        recording=shown,
        tiles=_tiles(verdict),
        drawing=drawing.of(run),
        gutter=drawing.GUTTER,
        width=drawing.WIDTH,
        margin=drawing.MARGIN,
        steady=run.steady,
        spoken=[one for one in verdict.alerts if one.outcome is not AlertOutcome.QUIET and not one.blinded],
        blinded=[one.name for one in verdict.alerts if one.blinded],
        quiet=[alert.name for alert in quiet],
        close=[alert for alert in quiet if alert.came_close],
        refused=_refused(recording, verdict),
        ledgers=[_ledger(name, verdict) for name in LEDGERS if verdict.has_ledgers],
        traces=waterfall.of(recording, verdict),
        **_panels(verdict.panels),
    )


def page(template: str, **values: Any) -> str:
    """Fill one of our templates; every value is escaped."""
    return _environment().get_template(template).render(**values)


def clock(at: float) -> str:
    """A Unix time for people."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("chaos.report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"clock": clock, "milliseconds": _milliseconds, "seconds": _seconds, "labels": _labels}
    environment.filters |= {"duration": _duration, "measured": durations.measured, "spoken": durations.spoken}
    environment.filters |= {"check_words": result_words.of_check, "alert_words": alert_words.of_alert}
    environment.filters |= {"panel_words": result_words.of_panel, "reasons": words.reasons, "why_not": words.why_not}
    environment.filters["not_recorded"] = words.not_recorded
    environment.filters["told"] = words.of_settings
    environment.filters["signed"] = durations.signed
    return environment


def _tiles(verdict: Verdict) -> list[dict[str, str]]:
    during = next((phase for phase in verdict.phases if phase.phase == "during"), None)
    listed = [alert for alert in verdict.alerts if alert.fires_within is not None]
    proven = sum(alert.outcome is AlertOutcome.PROVEN for alert in listed)
    surprises = sum(alert.outcome is AlertOutcome.SURPRISE for alert in verdict.alerts)
    judged = [("listed alerts proven", f"{proven} of {len(listed)}"), ("surprises", str(surprises))]
    tiles = judged if verdict.alerts_judged else [("alerts", "not judged")]
    if during:
        tiles = [
            ("requests failed during the fault", f"{during.failed} of {during.requests}"),
            ("p99 during the fault", _milliseconds(during.p99_seconds)),
            *tiles,
        ]
    if verdict.orders:
        tiles.append(("acknowledged orders lost", f"{len(verdict.orders.lost)} of {verdict.orders.acknowledged}"))
    if verdict.recovered is not None:
        tiles.append(("from the undo to the steady state", durations.measured(verdict.recovered, 1)))
    return [{"name": name, "value": value} for name, value in tiles]


def _refused(recording: Recording, verdict: Verdict) -> list[dict[str, Any]]:
    zero = verdict.injected or 0.0
    return [
        {
            "after": page.at - zero,
            "receiver": page.receiver,
            "reason": page.reason,
            "alerts": [f"{alert.name} ({alert.status})" for alert in page.alerts],
        }
        for page in recording.all(PageSeen)
        if not page.accepted
    ]


def _ledger(name: str, verdict: Verdict) -> dict[str, Any]:
    ledger = getattr(verdict, name)
    if ledger is None:
        return {"name": name, "counts": None, "wrong": []}
    counts, wrong = [], []
    for field, value in msgspec.structs.asdict(ledger).items():
        words = field.replace("_", " ")
        if isinstance(value, list | tuple):
            counts.append(f"{len(value)} {words}")
            wrong += [{"what": words, "keys": value}] if value else []
        elif isinstance(value, int):
            counts.append(f"{value} {words}")
    if name == "sessions" and ledger.lost_ratio is not None:
        counts.append(f"share lost {ledger.lost_ratio:.2%}, wanted {ledger.bound}")
    return {"name": name, "counts": counts, "wrong": wrong}


def _panels(results: list[PanelResult]) -> dict[str, Any]:
    claimed = []
    for result in results:
        if result.expected is not None:
            word, style = _PANEL_WORDS[result.expected, result.moved]
            claimed.append({"result": result, "word": word, "style": style})
    others = [result for result in results if result.expected is None]
    return {"claimed": claimed, "moved": [one for one in others if one.moved], "unclaimed": len(others)}


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.1f} ms"


def _duration(seconds: float) -> str:
    if not seconds:
        return "0"
    if seconds >= 1:
        return durations.measured(seconds)
    if seconds < 0.0001:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1000:.{0 if seconds >= 0.01 else 1}f} ms"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else durations.measured(seconds)


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))
