"""Claim 1, from its recording: how many connections were held, whom that failed, and how long cached answers took."""

from collections.abc import Iterable, Iterator

from chaos.facts.claims import histogram
from chaos.facts.claims.facts import LoadSeen
from chaos.facts.claims.recording import ClaimRecording
from chaos.verdict.claims import Bars, Line, Measure, Picture

_UNDISTURBED = ("ramp", "hold")
_DISTURBED = ("kill", "restart", "slow-postgres")
CACHED = "cache"
"""What X-Served-By says of an answer that a cache gave."""
_NOT_ANSWERED = ("timeout", "status ")
"""Failures of a request alone; all others are of its connection."""
_INSTANCES = 5


def measures(seen: ClaimRecording) -> Iterator[Measure]:
    """All numbers; a phase that did not take place, or in which nothing was disturbed, gives none."""
    hold = seen.loads(phase="hold")
    wanted = seen.claim.numbers["connections"]
    if hold and len(hold) == seen.claim.numbers["processes"]:
        held = sum(one.connections for one in hold)
        yield Measure.exact("held", held, "connections")
        yield Measure.exact("asks_a_connection", sum(one.answered for one in hold) / wanted, "requests")
        yield Measure.exact("rate", sum(one.answered for one in hold) / max(one.seconds for one in hold), "requests/s")
        yield Measure.exact("broke_at", _broke_at(seen), "connections")
        yield from _memory(seen, held)
        yield from _lasting("", [one for phase in _UNDISTURBED for one in seen.loads(phase=phase)], hold)
        yield from (Measure.exact("haproxy_cores", cores, "cores") for cores in seen.values("cpu", part="haproxy"))
    for phase in _DISTURBED:
        loads = seen.loads(phase=phase)
        if len(loads) == seen.claim.numbers["processes"] and _was_disturbed(seen, phase):
            prefix = f"{phase.replace('-', '_')}_"
            # Of connections that were gone before nothing can be lost: how many are left is a figure of its own.
            yield Measure.exact(f"{prefix}held", sum(one.connections for one in loads), "connections")
            yield from _lasting(prefix, loads, loads)


def pictures(seen: ClaimRecording) -> Iterator[Picture]:
    """The latency of cached answers as time goes on, and what a connection takes."""
    loads = seen.all(LoadSeen)
    if not loads:
        return
    phases = dict.fromkeys(one.labels["phase"] for one in loads)
    yield Picture(
        title="Latency by phase, of answers from the cache",
        y="milliseconds, 99th percentile",
        lines=[Line(phase, _by_second(seen.loads(phase=phase))) for phase in phases],
        x="seconds since the start",
        bound=100.0,
        log_y=True,
    )
    if parts := {one.labels["part"]: one.value for one in seen.readings("memory")}:
        held = sum(one.connections for one in seen.loads(phase="hold")) or 1
        yield Picture(
            title="Memory a connection",
            y="bytes",
            bars=[Bars(part, [total / held]) for part, total in parts.items()],
            of_bars=["a connection"],
        )


def _lasting(prefix: str, loads: list[LoadSeen], timed: list[LoadSeen]) -> Iterator[Measure]:
    """How many connections and requests these cost, and the latencies of `timed`."""
    failed = [(kind, count) for one in loads for kind, count in one.failed.items()]
    lost = sum(count for kind, count in failed if not kind.startswith(_NOT_ANSWERED))
    yield Measure.exact(f"{prefix}lost", lost, "connections")
    yield Measure.exact(f"{prefix}unanswered", sum(count for _, count in failed) - lost, "requests")
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        cached = histogram.quantile(histogram.merged(one.by_tag.get(CACHED, []) for one in timed), share)
        if cached is not None:
            yield Measure.exact(f"{prefix}cached_{name}_ms", 1000 * cached, "ms")
    everyone = histogram.quantile(histogram.merged(one.latencies for one in timed), 0.99)
    if everyone is not None:
        yield Measure.exact(f"{prefix}p99_ms", 1000 * everyone, "ms")


def _broke_at(seen: ClaimRecording) -> float:
    """How many connections were due when the first of them, or a request, failed; all where none did."""
    ramp = seen.loads(phase="ramp")
    seconds = [second.second for one in ramp for second in one.per_second if second.failed]
    if not seconds:
        return seen.claim.numbers["connections"]
    return seen.claim.numbers["connections"] * min(1.0, min(seconds) / seen.claim.numbers["ramp_seconds"])


def _memory(seen: ClaimRecording, held: int) -> Iterator[Measure]:
    for one in seen.readings("memory"):
        if held:
            yield Measure.exact(f"{one.labels['part']}_bytes", one.value / held, "bytes a connection")


def _was_disturbed(seen: ClaimRecording, phase: str) -> bool:
    """Whether what was to go wrong did: else the phase says nothing."""
    if not seen.values("disturbed", phase=phase):
        return False
    if phase == "kill":
        return bool(seen.values("killed"))
    if phase == "restart":
        return len(seen.values("restarted")) >= _INSTANCES
    late = seen.claim.numbers["postgres_latency_ms"] / 1000
    return any(seconds >= late for seconds in seen.values("order_read"))


def _by_second(loads: Iterable[LoadSeen]) -> list[tuple[float, float]]:
    """The longest p99 of all processes in each second; of some hundred answers each."""
    points: dict[float, float] = {}
    for one in loads:
        for second in one.per_second:
            if second.p99 is not None:
                at = float(round(one.began + second.second))
                points[at] = max(points.get(at, 0.0), 1000 * second.p99)
    return sorted(points.items())
