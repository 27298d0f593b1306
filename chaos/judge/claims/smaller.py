"""Claim 7: bytes as they were counted, CPU by the median of the rounds."""

from collections.abc import Iterator

from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims import interval
from chaos.verdict.claims import Bars, Measure, Picture

_VARIANTS = ("100 products", "100, gzip", "100, one field", "20 products", "all")
_SHARES = (("page_share", "20 products", "all"), ("field_share", "100, one field", "100 products"))
_COSTS = (("page_cpu", "20 products", "all"), ("gzip_cpu", "100, gzip", "100 products"))


def measures(seen: ClaimRecording) -> Iterator[Measure]:
    """Bytes and CPU of an answer of each variant, and the shares that are claimed."""
    sizes = {variant: size for variant in _VARIANTS if (size := _bytes(seen, variant)) is not None}
    costs = {variant: _cpu(seen, variant) for variant in _VARIANTS}
    yield from (Measure.exact(f"bytes of {variant}", size, "bytes") for variant, size in sizes.items())
    for variant, cost in costs.items():
        if found := interval.of(f"CPU of {variant}", cost, "µs"):
            yield found
    if {"100, gzip", "100 products"} <= sizes.keys():
        yield Measure.exact("gzip_saves", 1 - sizes["100, gzip"] / sizes["100 products"])
    for name, part, whole in _SHARES:
        if {part, whole} <= sizes.keys():
            yield Measure.exact(name, sizes[part] / sizes[whole])
    for name, part, whole in _COSTS:
        if found := interval.of_ratio(name, costs[part], costs[whole]):
            yield found


def pictures(seen: ClaimRecording) -> Iterator[Picture]:
    """Bytes and CPU of each variant beside each other."""
    sizes = [Bars(variant, [size]) for variant in _VARIANTS if (size := _bytes(seen, variant)) is not None]
    yield Picture(title="Bytes of an answer's body", y="bytes", bars=sizes, of_bars=["bytes"], log_y=True)
    costs = [interval.of(variant, _cpu(seen, variant)) for variant in _VARIANTS]
    bars = [Bars(one.name, [one.value]) for one in costs if one]
    yield Picture(title="CPU of the worker for an answer", y="µs", bars=bars, of_bars=["µs"])


def _bytes(seen: ClaimRecording, variant: str) -> float | None:
    """Of one answer's body; None where none came, or one failed, whose body is of another kind."""
    loads = [load for load in seen.loads(variant=variant) if load.labels.get("round") != "warm-up"]
    answered = sum(load.answered for load in loads)
    if not answered or any(load.failed for load in loads):
        return None
    return sum(load.body_bytes for load in loads) / answered


def _cpu(seen: ClaimRecording, variant: str) -> list[float]:
    """Of one answer, in microseconds, for each round in which nothing failed."""
    found = []
    for load in seen.loads(variant=variant):
        number = load.labels.get("round", "")
        cost = seen.values("cpu", variant=variant, round=number)
        if number != "warm-up" and load.answered and not load.failed and len(cost) == 1:
            found.append(cost[0] / load.answered * 1e6)
    return found
