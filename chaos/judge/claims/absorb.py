"""Claim 8: what users feel when an instance dies, by how much of what the others can carry was asked. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from chaos.facts.claims.facts import LoadSeen, SecondSeen
from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims import interval, knee_seen
from chaos.verdict.claims import Line, Measure, Picture

SEARCH = "the rest"
"""The search for what the others can carry."""
SHARE = "share"
"""The label of a load: percent of that."""
KILLED = "killed_at"
"""Reading with that label: when the instance died, in seconds since the load's beginning."""
CLAIMED = ("60", "80", "95")


@dataclass(frozen=True, slots=True)
class Death:
    """One load in the middle of which an instance died."""

    share: str
    load: LoadSeen
    at: float
    """In seconds since the load's beginning."""

    @property
    def failed(self) -> float:
        """Share of the requests from the death on that were not answered as they should."""
        after = [second for second in self.load.per_second if second.second >= int(self.at)]
        asked = sum(second.answered + second.failed for second in after)
        return sum(second.failed for second in after) / asked if asked else 1.0

    def settled(self, after_seconds: float) -> list[SecondSeen]:
        """The whole seconds from so long after the death on."""
        last = self.load.seconds - 1
        return [one for one in self.load.per_second if self.at + after_seconds <= one.second <= last]

    def slow_seconds(self, limit: float) -> int:
        """From the death on: seconds in which one of a hundred waited longer than this, or nobody was answered."""
        after = [second for second in self.load.per_second if second.second >= int(self.at)]
        return sum(second.p99 is None or second.p99 > limit for second in after)


def deaths(seen: ClaimRecording) -> list[Death]:
    """Each, by ascending share; one that was not seen to happen is none."""
    found = []
    for load in seen.all(LoadSeen):
        share = load.labels.get(SHARE)
        if share is not None and (at := seen.values(KILLED, **{SHARE: share})):
            found.append(Death(share, load, at[0]))
    return sorted(found, key=lambda death: float(death.share))


def measures(seen: ClaimRecording) -> Iterable[Measure]:
    """What the others carry; of each share what failed, and the p99 once all has settled; where it is not absorbed."""
    settles, limit = seen.claim.number_of("settles_within"), seen.claim.number_of("carried_within")
    if (carried := knee_seen.knee_or_none(seen, SEARCH, limit)) is not None:
        yield Measure.exact("rest_carries", carried, "/s")
    found = deaths(seen)
    for death in found:
        yield Measure.exact(f"failed_at_{death.share}", death.failed)
        yield Measure.exact(f"slow_seconds_at_{death.share}", death.slow_seconds(limit), "s")
        if (p99 := _p99(f"p99_at_{death.share}", death, settles)) is not None:
            yield p99
    if not_absorbed := [death for death in found if not absorbed(seen, death)]:
        yield Measure.exact("not_absorbed_from", float(not_absorbed[0].share), "%")
    if all_up_to := _absorbed_up_to(found, not_absorbed):
        yield Measure.exact("absorbed_up_to", all_up_to, "%")


def absorbed(seen: ClaimRecording, death: Death) -> bool:
    """Whether users felt nothing that lasted: next to nothing failed, and it went on as before."""
    settled = [one.p99 for one in death.settled(seen.claim.number_of("settles_within")) if one.p99 is not None]
    failed, limit = seen.claim.number_of("failed_at_most"), seen.claim.number_of("carried_within")
    return death.failed <= failed and bool(settled) and median(settled) <= limit


def pictures(seen: ClaimRecording) -> Iterable[Picture]:
    """The p99 of each second, by share; the instance dies at 0."""
    lines = [
        Line(
            f"{death.share} %",
            [(one.second - death.at, 1000 * one.p99) for one in death.load.per_second if one.p99 is not None],
        )
        for death in deaths(seen)
    ]
    if lines:
        yield Picture(
            title="An instance dies, by percent of what the others can carry",
            x="seconds since it died",
            y="p99 in milliseconds, from the intended moment",
            lines=lines,
            bound=1000 * seen.claim.number_of("carried_within"),
            log_y=True,
        )


def _p99(name: str, death: Death, settles: float) -> Measure | None:
    settled = [one.p99 for one in death.settled(settles)]
    known = [p99 for p99 in settled if p99 is not None]
    # A second in which nobody was answered is told by what failed; left out here, it would pass for a good one.
    return interval.of(name, known, "s") if len(known) == len(settled) else None


def _absorbed_up_to(found: Sequence[Death], not_absorbed: Sequence[Death]) -> float | None:
    first = float(not_absorbed[0].share) if not_absorbed else float("inf")
    below = [float(death.share) for death in found if float(death.share) < first]
    return max(below, default=None)
