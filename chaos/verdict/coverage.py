"""The coverage matrix: what each experiment's latest run says of each alert, and what that leaves open. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from chaos.spec.faults.none import NoFault
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.results import AlertResult
from chaos.verdict.verdict import Outcome, Verdict

NOTHING_BROKEN = str(NoFault.__struct_config__.tag)
BEYOND_DESIGN_SECONDS = 0.5
"""A page may take this much longer than its delivery design delay: process start-ups, polls and a busy machine."""
LOOK_SECONDS = 1.0
"""Between two looks at Alertmanager."""
_SLOWEST = 5


class Row(msgspec.Struct, frozen=True):
    """One experiment and its latest run."""

    experiment: str
    claim: str
    fault: str
    """The fault's name in an experiment file."""
    lists: list[str]
    """Alerts that the experiment's file lists now; a proof of any other counts no more."""
    verdict: Verdict | None
    """None: there is no recording, or none that can be read."""
    seconds: float = 0.0
    """From the run's start to its last fact."""
    marks: list[str] = []
    """Why the recording may be out of date, or why there is none."""
    stale: dict[str, str] = {}
    """Alerts of which it proves nothing any more, by name, and why."""

    @property
    def held(self) -> bool:
        """Whether its run held."""
        return self.verdict is not None and self.verdict.outcome is Outcome.HELD


class ProvenAlert(msgspec.Struct, frozen=True):
    """One alert that one experiment's run has proven."""

    row: Row
    result: AlertResult

    @property
    def delivery(self) -> float | None:
        """Seconds from the condition true to the page accepted."""
        if self.result.delivered is None or self.result.condition_true is None:
            return None
        return self.result.delivered - self.result.condition_true

    @property
    def beyond_design(self) -> bool:
        """Whether the page took longer than the configuration explains, and what kept it back if anything did."""
        design, held = self.result.design, self.result.held_until
        if design is None or self.delivery is None or self.result.delivered is None:
            return False
        if held is None:
            return self.delivery > design.delivery + BEYOND_DESIGN_SECONDS
        # Looked at once a second; then the group's next turn comes.
        explained = max(design.delivery, design.interval + LOOK_SECONDS)
        return self.result.delivered - held > explained + BEYOND_DESIGN_SECONDS


class Unproven(msgspec.Struct, frozen=True):
    """An alert that nothing proves."""

    alert: str
    reason: str
    exempt: bool
    """`reason` is then the exemption's; else it says what is amiss."""


def by_alert(verdict: Verdict) -> dict[str, AlertResult]:
    """One result for each alert's name: the worst where there are several."""
    worst: dict[str, AlertResult] = {}
    for result in verdict.alerts:
        known = worst.get(result.name)
        if known is None or _rank(result) < _rank(known):
            worst[result.name] = result
    return worst


def word(verdict: Verdict, alert: str) -> str:
    """What a run says of an alert; empty where it fired before the fault and was not counted."""
    result = by_alert(verdict).get(alert)
    if result is None:
        # Otherwise its rule did not run in good health, so that its silence says nothing.
        return "" if any(one.partition("{")[0] == alert for one in verdict.already_firing) else "unknown"
    return result.outcome.value


def words(verdict: Verdict, alert: str) -> str:
    """What a run says of all instances of an alert, such as `3 proven`; how many may fire is a matter of chance."""
    said = Counter(one.outcome for one in verdict.alerts if one.name == alert)
    if len(said) == 1 and (AlertOutcome.ALLOWED in said or sum(said.values()) == 1):
        return word(verdict, alert)
    told = sorted((outcome.rank, outcome.value, number) for outcome, number in said.items())
    return ", ".join(f"{number} {value}" for _, value, number in told) or word(verdict, alert)


def fired(verdict: Verdict) -> bool:
    """Whether any alert fired because of the fault."""
    return any(result.firing is not None for result in verdict.alerts)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Experiments and alerts, and what is known of each pair."""

    rows: tuple[Row, ...]
    alerts: tuple[str, ...]
    exemptions: Mapping[str, str]
    """Reasons, by alert."""

    def word(self, row: Row, alert: str) -> str:
        """The outcome of an alert in an experiment; empty where there is no run, or it fired before the fault."""
        return word(row.verdict, alert) if row.verdict else ""

    def proofs(self, alert: str) -> list[ProvenAlert]:
        """The runs that prove it: conclusive ones of experiments that list it now."""
        return [proof for proof in self.all_proofs() if proof.result.name == alert]

    def all_proofs(self) -> Iterable[ProvenAlert]:
        """Every proof there is, by experiment."""
        for row in self.rows:
            if row.verdict is not None and row.verdict.outcome is not Outcome.INCONCLUSIVE:
                for name, result in by_alert(row.verdict).items():
                    if result.outcome is AlertOutcome.PROVEN and name in row.lists and name not in row.stale:
                        yield ProvenAlert(row, result)

    def unproven(self) -> list[Unproven]:
        """Alerts that nothing proves, those without an exemption first."""
        proven = {proof.result.name for proof in self.all_proofs()}
        open_ = [name for name in self.alerts if name not in proven]
        found = [
            Unproven(name, self.exemptions.get(name) or self._why_open(name), name in self.exemptions) for name in open_
        ]
        return sorted(found, key=lambda one: one.exempt)

    def needless_exemptions(self) -> list[str]:
        """Exempt alerts that are proven, or that do not exist."""
        return sorted(name for name in self.exemptions if name not in self.alerts or self.proofs(name))

    def unseen(self) -> list[Row]:
        """Experiments whose fault no alert saw, and whose file says that none should."""
        return [
            row
            for row in self.rows
            if row.verdict is not None
            and row.verdict.injected is not None
            and row.fault != NOTHING_BROKEN
            and not row.lists
            and not fired(row.verdict)
        ]

    def slowest(self) -> list[ProvenAlert]:
        """The five proofs with the longest time from the fault to the condition true."""
        proofs = sorted(self.all_proofs(), key=lambda proof: proof.result.condition_true or 0.0, reverse=True)
        return proofs[:_SLOWEST]

    def gaps(self) -> dict[str, str]:
        """Why the coverage is not complete, in a line for each alert; empty when it is."""
        open_ = {one.alert: f"{one.alert} is not proven: {one.reason}" for one in self.unproven() if not one.exempt}
        return open_ | {
            name: f"{name} is exempt for nothing: {'it is proven' if name in self.alerts else 'there is no such alert'}"
            for name in self.needless_exemptions()
        }

    def wrong(self) -> list[str]:
        """Why the coverage is not complete, one line each; empty when it is."""
        return list(self.gaps().values())

    def to_renew(self) -> list[str]:
        """Experiments whose next run may prove what is stale."""
        proven = {proof.result.name for proof in self.all_proofs()}
        return [row.experiment for row in self.rows if any(alert not in proven for alert in row.stale)]

    def _why_open(self, alert: str) -> str:
        listing = [row for row in self.rows if alert in row.lists]
        if not listing:
            return "no experiment lists it"
        said: dict[str, list[str]] = {}
        for row in listing:
            said.setdefault(self._what_it_says(row, alert), []).append(row.experiment)
        return "; ".join(f"{', '.join(names)}: {words}" for words, names in said.items())

    def _what_it_says(self, row: Row, alert: str) -> str:
        if row.verdict is None:
            return row.marks[0] if row.marks else "no recording"
        word = self.word(row, alert)
        if row.verdict.outcome is Outcome.INCONCLUSIVE:
            return f"{word}, but its run is inconclusive"
        return f"{word}, but stale: {row.stale[alert]}" if alert in row.stale else word


def _rank(result: AlertResult) -> int:
    return result.outcome.rank
