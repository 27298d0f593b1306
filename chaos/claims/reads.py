"""What users of the claims about rates ask of the shop: products, some of them past HAProxy's cache."""

from urllib.parse import urlsplit

from chaos.judge.claims.layers import TAG_HEADERS
from chaos.load.open_loop.job import Asked, Job
from chaos.spec.mix import SKUS

_PAST_THE_CACHE = {"Cache-Control": "no-cache"}
"""As a browser asks that is told to reload: HAProxy passes it on, and the shop's own caches answer it."""
_TIMEOUT_SECONDS = 5.0
"""After which a request has failed; the shop itself ends each within 3 s."""


def job(url: str, connections: int, asked: list[Asked], *, in_turn: bool = False) -> Job:
    """A load of the stack's front, whose answers are told apart by the layer that gave them."""
    place = urlsplit(url)
    assert place.hostname
    assert place.port
    return Job(
        host=place.hostname,
        port=place.port,
        requests=asked,
        connections=connections,
        in_turn=in_turn,
        timeout_seconds=_TIMEOUT_SECONDS,
        tag_header=TAG_HEADERS,
    )


def popular(products: int, past_cache: float) -> list[Asked]:
    """The first so many products by Zipf's law, as the drills' users ask; this share of the requests past the cache."""
    ways: list[tuple[float, dict[str, str]]] = [(1 - past_cache, {}), (past_cache, _PAST_THE_CACHE)]
    return [
        Asked(path, weight=share / rank, headers=headers)
        for rank, path in enumerate(_paths(products), 1)
        for share, headers in ways
        if share > 0
    ]


def alike(products: int, *, past_cache: bool) -> list[Asked]:
    """The first so many products, each as often as the others."""
    return [Asked(path, headers=_PAST_THE_CACHE if past_cache else {}) for path in _paths(products)]


def _paths(products: int) -> list[str]:
    return [f"/products/{sku}" for sku in SKUS[:products]]
