"""Claim 5: how many of a burst were answered a second, in each way of waiting."""

from collections.abc import Iterator

from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims import interval
from chaos.verdict.claims import Bars, Measure, Picture

_WAYS = (("waits", "await"), ("waits", "threads"), ("waits", "blocking"), ("shop", "await"), ("shop", "blocking"))


def measures(seen: ClaimRecording) -> Iterator[Measure]:
    """Answers a second of each way, and how many times one is the other."""
    rates = {way: _rates(seen, *way) for way in _WAYS}
    for (part, way), found in rates.items():
        if one := interval.of(f"{part}, {way}", found, "answers/s"):
            yield one
    for name, part in (("await_gain", "waits"), ("shop_gain", "shop")):
        if one := interval.of_ratio(name, rates[part, "await"], rates[part, "blocking"]):
            yield one
    loads = seen.loads(part="waits", way="await")
    if due := sum(load.answered + load.failures for load in loads):
        yield Measure.exact("await_answered", sum(load.answered for load in loads) / due)


def pictures(seen: ClaimRecording) -> Iterator[Picture]:
    """The ways beside each other."""
    found = [(part, way, interval.of(way, _rates(seen, part, way))) for part, way in _WAYS]
    bars = [Bars(f"{part}: {way}", [one.value]) for part, way, one in found if one]
    title = "Answers a second to 1,000 requests at once that each wait 100 ms, by one worker"
    yield Picture(title=title, y="answers a second", bars=bars, of_bars=["answers a second"], log_y=True)


def _rates(seen: ClaimRecording, part: str, way: str) -> list[float]:
    """Of each round; of who answers nobody in time it is 0."""
    return [load.answered / load.lasted for load in seen.loads(part=part, way=way)]
