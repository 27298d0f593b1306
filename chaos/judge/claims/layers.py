"""Which layer answered, by what an answer says of itself, and what each layer's share and latency is. Pure."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from chaos.facts.claims import histogram
from chaos.facts.claims.facts import LoadSeen
from chaos.facts.claims.histogram import Buckets

TAG_HEADERS = "x-served-by,cache-status"
"""What a load's answers are grouped by. HAProxy's cache answers with the headers of the answer that it has kept, so
that X-Served-By says whether it was HAProxy, and Cache-Status what the shop did."""


class Layer(StrEnum):
    """Where an answer came from, from the nearest to the farthest."""

    HTTP = "http cache"
    MEMORY = "memory"
    REDIS = "redis"
    POSTGRES = "postgres"
    STALE = "stale"
    """An entry beyond its time, while Postgres does not answer."""
    OTHER = "other"
    """An answer that says nothing of it."""


CACHED = (Layer.HTTP, Layer.MEMORY, Layer.REDIS, Layer.STALE)
_SAYS = {"detail=l1": Layer.MEMORY, "detail=l2": Layer.REDIS, "fwd=miss": Layer.POSTGRES}


def layer(tag: str) -> Layer:
    """The layer of an answer with this tag."""
    served_by, _, status = tag.partition(",")
    if served_by.strip() == "cache":
        return Layer.HTTP
    if "ttl=-" in status:
        return Layer.STALE
    return next((found for says, found in _SAYS.items() if says in status), Layer.OTHER)


def latencies(loads: Iterable[LoadSeen]) -> dict[Layer, Buckets]:
    """Latencies by layer."""
    found: dict[Layer, list[Buckets]] = {}
    for load in loads:
        for tag, buckets in load.by_tag.items():
            found.setdefault(layer(tag), []).append(buckets)
    return {where: histogram.merged(parts) for where, parts in found.items()}


def shares(by_layer: Mapping[Layer, Buckets]) -> dict[Layer, float]:
    """Each layer's share of all answers; empty of none."""
    counts = {where: histogram.count(buckets) for where, buckets in by_layer.items()}
    total = sum(counts.values())
    return {where: count / total for where, count in counts.items()} if total else {}


def cached(by_layer: Mapping[Layer, Buckets]) -> Buckets:
    """Latencies of all that came from a cache."""
    return histogram.merged(by_layer[where] for where in CACHED if where in by_layer)


def mean(load: LoadSeen) -> float | None:
    """Mean latency of a load's answers in seconds; None of none."""
    return histogram.mean(load.latencies)
