"""Adopts a stack: asks what it runs, judges each rule, writes the files that a team begins with, says what is new."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from chaos.campaign import coverage_reading
from chaos.campaign.staleness import text_of
from chaos.errors import InvalidFile
from chaos.facts import recording
from chaos.facts.alerts import RuleSeen
from chaos.facts.inventory import Inventory
from chaos.facts.recording import Recording
from chaos.judge import adopting, design_delay
from chaos.judge.adopting import Breakable, Known, Proof
from chaos.judge.alert_evidence import routing_of
from chaos.judge.judge import judge
from chaos.machine.durable import replace
from chaos.observe.timing import rules_loaded
from chaos.report import adopted as report
from chaos.spec import skeleton
from chaos.spec.skeleton import Seen, Servers, Speaks
from chaos.spec.target import Target
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.standing import Adopted, Standing, news
from chaos.verdict.verdict import Outcome

TARGET_FILE, EXPERIMENTS = "target.yaml", "experiments"
STATE_FILE, PAGE_FILE, JUNIT_FILE = "adopted.json", "adopted.md", "adopted.xml"
_WATCHERS = frozenset({"prometheus", "alertmanager", "pushgateway"})
"""Jobs of those who would tell: drafts do not begin with breaking them."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What came of it."""

    adopted: Adopted
    news: list[str]
    written: list[Path]


def instances_of(inventory: Inventory, target: Target | None) -> list[Seen]:
    """What faults may aim at: as the target says, else whatever Prometheus scrapes and is no witness."""
    if target is not None:
        return [Seen(name, one.role, gives) for name, one in target.instances.items() for gives in one.gives or [name]]
    found: dict[str, Seen] = {}
    for one in inventory.targets:
        name = skeleton.named(one.job, one.instance)
        if one.job.lower() not in _WATCHERS:
            # The same address may be scraped by two jobs: it is one process group.
            found.setdefault(name, Seen(name, one.job, one.instance))
    return list(found.values())


def adopt(inventory: Inventory, target: Target | None, folder: Path, servers: Callable[[str], Servers]) -> Adoption:
    """Judge, compare with what was adopted into this folder before, and write; nothing of people's is overwritten.

    `servers` is told the receiver that most rules reach. Raises InvalidFile, OSError.
    """
    seen = instances_of(inventory, target)
    links = tuple(target.links) if target is not None else inventory.links
    gives: dict[str, tuple[str, ...]] = {}
    for one in seen:
        gives[one.name] = (*gives.get(one.name, ()), one.gives)
    runs = target.runs_folder if target is not None else folder / "runs"
    rules = [one.rule for one in inventory.rules]
    known = Known(Breakable(gives, links), tuple(proofs(runs)), lambda rule: _delays(rule, rules, inventory))
    found = adopting.standings(inventory, known)
    before = _before(folder / STATE_FILE)
    there = sorted({one.instance for one in inventory.targets})
    drafts = skeleton.experiments(seen, links, _speak(found, inventory))
    files = (
        {} if target is not None else {folder / TARGET_FILE: _target(folder, inventory, seen, links, found, servers)}
    )
    offered = set(before.offered if before else ())
    files |= {folder / EXPERIMENTS / f"{name}.yaml": text for name, text in drafts.items() if name not in offered}
    adopted = Adopted(found, list(inventory.untold), sorted(offered | drafts.keys()), there)
    said = news(before, adopted)
    return Adoption(adopted, said, _write(folder, files, adopted, said))


def proofs(runs: Path) -> list[Proof]:
    """What the latest recording of each experiment has proven; one that cannot be read proves nothing."""
    found: list[Proof] = []
    for folder in coverage_reading.latest_recordings(runs).values() if runs.is_dir() else ():
        try:
            recorded = recording.read(folder)
        except InvalidFile:
            continue
        found += proofs_of(recorded, folder.name)
    return found


def proofs_of(recorded: Recording, run_id: str) -> list[Proof]:
    """What one recording has proven; nothing where its run was inconclusive."""
    verdict = judge(recorded)
    if verdict.outcome is Outcome.INCONCLUSIVE:
        return []
    rules, routed = text_of(recorded.all(RuleSeen)), routing_of(recorded)
    return [
        Proof(one.name, one.labels, rules, run_id, routed.digest(one.name, one.labels) if routed else "")
        for one in verdict.alerts
        if one.outcome is AlertOutcome.PROVEN
    ]


def _delays(rule: RuleSeen, rules: Sequence[RuleSeen], inventory: Inventory) -> tuple[float, float] | None:
    if inventory.routing is None:
        return None
    alone = [rule, *(one for one in rules if one.records)]
    (loaded,) = rules_loaded(alone, inventory.scrapes, inventory.routing, (), None)
    told = design_delay.detection_seconds(loaded.timing) + design_delay.delivery_seconds(loaded.timing)
    return told, design_delay.resolution_seconds(loaded.timing)


def _speak(found: Sequence[Standing], inventory: Inventory) -> dict[str, list[Speaks]]:
    rules = {(one.rule.group, one.rule.name): one.rule for one in inventory.rules}
    speak: dict[str, list[Speaks]] = {}
    for one in found:
        if one.word.wrong:
            continue
        waits = rules[one.group, one.name].for_seconds
        written = {name: value for name, value in one.labels.items() if "{{" not in value}
        told = Speaks(one.name, written, one.tells_of_death, one.delay_seconds or waits, one.resolved_seconds or waits)
        for name in (*one.instances, *one.links):
            speak.setdefault(name, []).append(told)
    return speak


def _target(
    folder: Path,
    inventory: Inventory,
    seen: Sequence[Seen],
    links: Sequence[str],
    found: Sequence[Standing],
    servers: Callable[[str], Servers],
) -> str:
    reached = [receiver for one in found for receiver in one.receivers]
    most = max(sorted(set(reached)), key=reached.count, default="pager")
    return skeleton.target(folder.resolve().name, servers(most), seen, links)


def _before(file: Path) -> Adopted | None:
    if not file.exists():
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=Adopted)
    except msgspec.DecodeError as error:
        raise InvalidFile(
            file, "", f"not what an earlier adoption wrote: {error}; take it away to begin anew"
        ) from error


def _write(folder: Path, files: dict[Path, str], adopted: Adopted, said: list[str]) -> list[Path]:
    (folder / EXPERIMENTS).mkdir(parents=True, exist_ok=True)
    written = [file for file in files if not file.exists()]
    for file in written:
        replace(file, files[file].encode(), durable=False)
    content = {
        STATE_FILE: msgspec.json.format(msgspec.json.encode(adopted), indent=1) + b"\n",
        PAGE_FILE: report.markdown(adopted, said).encode(),
        JUNIT_FILE: report.junit_xml(adopted),
    }
    for name, text in content.items():
        replace(folder / name, text, durable=False)
    return written
