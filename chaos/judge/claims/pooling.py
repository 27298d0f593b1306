"""Claim 6: what was opened, how many there were at a time, who was turned away, and what a read took."""

from collections.abc import Iterator

from chaos.facts.claims import histogram
from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims import interval
from chaos.verdict.claims import Bars, Measure, Picture

_POOLS = ("pool", "none")
_PARTS = (("reads", "150 reads a second"), ("crowd", "400 at once"))
_WORDS = {"pool": "with pools", "none": "without"}


def measures(seen: ClaimRecording) -> Iterator[Measure]:
    """Counts of both variants, and what they make of each other."""
    for pools in _POOLS:
        loads = seen.loads(pools=pools)
        opened, asked = seen.values("opened", pools=pools), sum(load.sent for load in loads)
        if asked and len(opened) == len(_PARTS):
            yield Measure.exact(f"reads {_WORDS[pools]}", asked)
            name = "opened_a_read" if pools == "pool" else "opened a read without"
            yield Measure.exact(name, sum(opened) / asked)
        if most := seen.values("most", pools=pools):
            yield Measure.exact("most_connections" if pools == "pool" else "most connections without", max(most))
    if pooled := seen.loads(pools="pool"):
        yield Measure.exact("failed", sum(load.failures for load in pooled))
    if crowds := seen.loads(pools="none", part="crowd"):
        yield Measure.exact("failed_without", sum(load.failures for load in crowds))
    costs = {pools: _cpu(seen, pools) for pools in _POOLS}
    for pools, found in costs.items():
        if one := interval.of(f"CPU of a read {_WORDS[pools]}", found, "µs"):
            yield one
    if one := interval.of_ratio("cpu_without", costs["none"], costs["pool"]):
        yield one


def pictures(seen: ClaimRecording) -> Iterator[Picture]:
    """Connections and times of both variants beside each other."""
    most = [Bars(_WORDS[pools], [max(found)]) for pools in _POOLS if (found := seen.values("most", pools=pools))]
    limit = next(iter(seen.values("limit")), None)
    title = "Most connections of the 24 workers at a time (dashed: Postgres's limit, for everybody)"
    yield Picture(title=title, y="connections", bars=most, of_bars=["connections"], bound=limit)
    bars = []
    for part, words in _PARTS:
        for pools in _POOLS:
            times = histogram.merged(load.latencies for load in seen.loads(pools=pools, part=part))
            shares = [histogram.quantile(times, share) for share in (0.5, 0.99)]
            bars.append(Bars(f"{words}, {_WORDS[pools]}", [1000 * (one or 0.0) for one in shares]))
    yield Picture(title="Latency of a read", y="ms", bars=bars, of_bars=["p50", "p99"], log_y=True)


def _cpu(seen: ClaimRecording, pools: str) -> list[float]:
    """Of a read at an even rate, workers and Postgres together, in microseconds, for each round."""
    found = []
    for load in seen.loads(pools=pools, part="reads"):
        cost = seen.values("cpu", pools=pools, part="reads", round=load.labels.get("round", ""))
        if load.answered and len(cost) == 1:
            found.append(cost[0] / load.answered * 1e6)
    return found
