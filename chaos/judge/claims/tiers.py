"""Claim 3: how long answers of each layer take at shares of the knee, and how many come from a cache. Pure."""

from collections.abc import Iterable, Sequence

from chaos.facts.claims import histogram
from chaos.facts.claims.facts import LoadSeen
from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims import interval, knee_seen, layers
from chaos.judge.claims.layers import Layer
from chaos.verdict.claims import Bars, Line, Measure, Picture

KNEE = "zipf"
"""The search for the knee."""
SHARE = "share"
"""The label of a load at a share of the knee, in percent."""
SHARES = ("50", "80", "95")
_ARTICLE = {Layer.MEMORY: 1e-5, Layer.REDIS: 1e-4, Layer.HTTP: 1e-2, Layer.POSTGRES: 1e-1}
"""Seconds that the article gives at most."""


def measures(seen: ClaimRecording) -> Iterable[Measure]:
    """The knee; of each share the p99 of what came from caches and of what came from Postgres, and the hit ratio."""
    if (knee := knee_seen.knee_or_none(seen, KNEE, seen.claim.number_of("carried_within"))) is not None:
        yield Measure.exact("knee", knee, "/s")
    for share in SHARES:
        rounds = [layers.latencies([load]) for load in _held(seen, share)]
        cached = [p99 for one in rounds if (p99 := histogram.quantile(layers.cached(one), 0.99)) is not None]
        database = [p99 for one in rounds if (p99 := _quantile(one, Layer.POSTGRES, 0.99)) is not None]
        hits = [sum(parts.get(one, 0.0) for one in layers.CACHED) for parts in map(layers.shares, rounds)]
        failed = [load.failures / (load.failures + load.answered or 1) for load in _held(seen, share)]
        for name, values, unit in (
            (f"cached_p99_at_{share}", cached, "s"),
            (f"database_p99_at_{share}", database, "s"),
            (f"hit_ratio_at_{share}", hits, ""),
            (f"failed_at_{share}", failed, ""),
        ):
            # A round in which a layer said nothing is no round of that layer: then nothing is known of it.
            if len(values) == len(rounds) and (known := interval.of(name, values, unit)) is not None:
                yield known
        yield from _medians(rounds, share)


def pictures(seen: ClaimRecording) -> Iterable[Picture]:
    """Latency by layer and share beside what the article says, and the whole distribution at the highest share."""
    at = [layers.latencies(_held(seen, share)) for share in SHARES]
    medians = {layer: [_quantile(one, layer, 0.5) for one in at] for layer in _ARTICLE}
    yield Picture(
        title="Half of the answers are quicker than this, by where they came from",
        y="milliseconds",
        bars=[
            Bars(layer.value, [1000 * one for one in (*found, _ARTICLE[layer]) if one is not None])
            for layer, found in medians.items()
            if None not in found
        ],
        of_bars=[*(f"at {share} % of the knee" for share in SHARES), "article, at most"],
        log_y=True,
    )
    by_layer = at[-1]
    yield Picture(
        title=f"Latency from the intended moment, at {SHARES[-1]} % of the knee",
        x="share of answers that took longer",
        y="milliseconds",
        lines=[Line(layer.value, _tail(by_layer[layer])) for layer in _ARTICLE if by_layer.get(layer)],
        log_x=True,
        log_y=True,
    )


def _held(seen: ClaimRecording, share: str) -> Sequence[LoadSeen]:
    return seen.loads(**{SHARE: share})


def _medians(rounds: Sequence[dict[Layer, histogram.Buckets]], share: str) -> Iterable[Measure]:
    for layer in (*layers.CACHED, Layer.POSTGRES):
        values = [p50 for one in rounds if (p50 := _quantile(one, layer, 0.5)) is not None]
        if (known := interval.of(f"{layer.value.replace(' ', '_')}_p50_at_{share}", values, "s")) is not None:
            yield known


def _quantile(one: dict[Layer, histogram.Buckets], layer: Layer, share: float) -> float | None:
    return histogram.quantile(one.get(layer, []), share)


def _tail(buckets: histogram.Buckets) -> list[tuple[float, float]]:
    points = [(1 - share, histogram.quantile(buckets, share)) for share in (0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)]
    return [(left, 1000 * took) for left, took in points if took is not None and left > 0]
