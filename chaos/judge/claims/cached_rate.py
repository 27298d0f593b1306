"""Claim 2, from its recording: the rate of cached answers, how long others waited meanwhile, and what it takes."""

from collections.abc import Iterator

from chaos.facts.claims import histogram
from chaos.facts.claims.facts import LoadSeen
from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims import interval
from chaos.verdict.claims import Bars, Line, Measure, Picture

_ASKED_FOR = 100_000


def measures(seen: ClaimRecording) -> Iterator[Measure]:
    """All numbers; of a rate that was measured in fewer than three rounds there is none."""
    rates = seen.values("rate")
    if rate := interval.of("rate", rates, "requests/s"):
        yield rate
    if rates:
        yield Measure.exact("errors", sum(seen.values("errors")), "requests")
    for part in ("haproxy", "wrk"):
        cores = seen.values("cpu", part=part)
        if len(cores) == len(rates) and all(rates):
            each = [used * _ASKED_FOR / rate for used, rate in zip(cores, rates, strict=True)]
            if needed := interval.of(f"{part}_cores", each, "cores for 100,000 requests/s"):
                yield needed
    probes = _beside(seen)
    latencies = histogram.merged(one.latencies for one in probes)
    if probes:
        yield Measure.exact("probe_failed", sum(one.failures for one in probes), "requests")
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        took = histogram.quantile(latencies, share)
        if took is not None:
            yield Measure.exact(f"probe_{name}_ms", 1000 * took, "ms")


def _beside(seen: ClaimRecording) -> list[LoadSeen]:
    """The probe, if it asked until the last round had ended: without it nobody knows how long others waited."""
    probes, ends = seen.loads(probe="beside wrk"), [one.at for one in seen.readings("rate")]
    return [one for one in probes if all(end <= one.began + one.seconds for end in ends)]


def pictures(seen: ClaimRecording) -> Iterator[Picture]:
    """The rate of each round, and how long the probe waited."""
    if rates := seen.values("rate"):
        yield Picture(
            title="Cached answers a second, by round",
            y="requests/s",
            bars=[Bars(str(number), [rate]) for number, rate in enumerate(rates, 1)],
            of_bars=["wrk"],
            bound=float(_ASKED_FOR),
        )
    for probe in seen.loads(probe="beside wrk"):
        points = [(float(one.second), 1000 * one.p99) for one in probe.per_second if one.p99 is not None]
        yield Picture(
            title="How long others waited meanwhile",
            x="seconds",
            y="milliseconds, 99th percentile",
            lines=[Line("probe", points)],
            bound=100.0,
        )
