"""Looks for the highest rate that a system carries, by one load after the other."""

from chaos.claims.bench import Bench
from chaos.errors import SignalUnavailable
from chaos.facts.claims.facts import LoadSeen
from chaos.judge.claims import knee_seen
from chaos.judge.claims.knee import next_rate
from chaos.load.open_loop.job import Job
from chaos.spec.claims.profile import Stage
from chaos.spec.values import Duration

_MOST_STEPS = 25


def find(bench: Bench, job: Job, search: str, turn: int, first: float) -> float:
    """The knee in requests a second, with the claim's `carried_within`, `exactness` and `step_seconds`.

    Its steps are recorded as loads of this search and turn, so that whoever judges finds the same one. Raises
    SignalUnavailable where there is none within 25 steps, or where it may be that of the process that asks.
    """
    within, exactness = bench.number("carried_within"), bench.number("exactness")
    labels = {knee_seen.SEARCH: search, knee_seen.ROUND: str(turn)}
    loads: list[LoadSeen] = []
    while (rate := next_rate([knee_seen.step(load) for load in loads], first, within, exactness)) is not None:
        if len(loads) == _MOST_STEPS:
            raise SignalUnavailable(f"no knee within {_MOST_STEPS} steps, the last of {rate:.0f} requests a second")
        loads += bench.load(job, [step(rate, bench.number("step_seconds"))], **labels)
    found = knee_seen.knee_of(loads, within)
    if found is None:
        raise SignalUnavailable("the process that asks took a whole core, so that the knee may be its own")
    return found


def step(rate: float, seconds: float) -> Stage:
    """So many requests a second for so long."""
    return Stage(rate=rate, for_=Duration(seconds=seconds))
