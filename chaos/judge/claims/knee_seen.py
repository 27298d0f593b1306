"""The knee as it was looked for in a recording: which loads were steps of the search, and what they found. Pure."""

from collections.abc import Iterable
from statistics import median

from chaos.facts.claims import histogram
from chaos.facts.claims.facts import LoadSeen
from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims.knee import Step, knee

SEARCH = "search"
"""The label of a load that was a step of a search; its value says of which."""
ROUND = "round"
MOST_OF_A_CORE = 0.9
"""That the client may take in the lowest step that was too much: beyond, it may be the client that could not."""


def step(load: LoadSeen) -> Step:
    """One load as a step: a request that was due and never sent has failed."""
    p99 = histogram.quantile(load.latencies, 0.99)
    due = load.answered + load.failures
    return Step(
        due / load.seconds, load.answered / load.seconds, float("inf") if p99 is None else p99, failed=load.failures
    )


def knee_of(loads: Iterable[LoadSeen], within_seconds: float) -> float | None:
    """The highest rate that was carried; None where it was not found, or may be the client's knee."""
    searched = list(loads)
    steps = [step(load) for load in searched]
    found = knee(steps, within_seconds)
    if found is None:
        return None
    (first,) = [load for load, one in zip(searched, steps, strict=True) if one.offered == found[1]][:1]
    busy = first.cpu_seconds / first.lasted > MOST_OF_A_CORE if first.lasted else True
    return None if busy else found[0]


def knees(seen: ClaimRecording, search: str, within_seconds: float) -> list[float]:
    """The knee of each round of a search; a round without one is left out."""
    loads = seen.loads(**{SEARCH: search})
    rounds = sorted({load.labels.get(ROUND, "") for load in loads})
    found = (knee_of([load for load in loads if load.labels.get(ROUND, "") == each], within_seconds) for each in rounds)
    return [one for one in found if one is not None]


def knee_or_none(seen: ClaimRecording, search: str, within_seconds: float) -> float | None:
    """The median of the knees; None where there is none."""
    found = knees(seen, search, within_seconds)
    return median(found) if found else None
