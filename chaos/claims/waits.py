"""Claim 5: a burst of requests that each wait, with await and with blocking calls."""

import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit

from chaos.claims.bench import Bench
from chaos.claims.stack import Instance, Stack
from chaos.claims.waiting_app import WAIT_MS
from chaos.load.open_loop.job import Asked, Job
from chaos.reach.toxiproxy import Toxic, Toxiproxy

_APP = "chaos.claims.waiting_app:create_app()"
_PROXY = "postgres-shop-1"
"""The way to Postgres that an instance beside the stack shares with shop-1."""
_BURST = 1000
_PATIENT = {
    # Every read is one wait for Postgres, and nobody is turned away, however long it takes.
    "SHOP_L1_CACHE": "off",
    "SHOP_L2_CACHE": "off",
    "SHOP_SINGLE_FLIGHT": "off",
    "SHOP_CIRCUIT_BREAKER": "off",
    "SHOP_CACHE_WARMING": "off",
    "SHOP_CACHE_READ_LIMIT": "60s",
    "SHOP_REQUEST_DEADLINE": "60s",
    "SHOP_ORDER_ABANDONED_AFTER": "2m",
    "SHOP_POSTGRES_POOL_TIMEOUT": "60s",
    "SHOP_POSTGRES_QUERY_TIMEOUT": "10s",
    "SHOP_POSTGRES_POOL_MAX_WAITING": "2000",
}


def measure(bench: Bench) -> None:
    """First an application that only waits, then the shop with a Postgres that is far away."""
    stack = bench.stack()
    blocking = bench.deviates("blocking")
    ways = {"await": "/blocking" if blocking else "/await", "threads": "/threads", "blocking": "/blocking"}
    for number in range(int(bench.number("rounds"))):
        for way, path in ways.items():
            # An instance of its own for each: what blocks may have hundreds of waits before it still.
            with stack.instance("shop", 1, {WAIT_MS: f"{bench.number('wait_ms'):.0f}"}, _APP) as instance:
                _ask(bench, instance, [Asked(path)], part="waits", way=way, round=str(number))
    for number in range(int(bench.number("rounds"))):
        for way, driver in (("await", "off" if blocking else "on"), ("blocking", "off")):
            with _shop(bench, stack, driver) as instance, _far_away(bench, stack):
                _ask(bench, instance, _reads(number), part="shop", way=way, round=str(number))


def _ask(bench: Bench, instance: Instance, requests: list[Asked], **labels: str) -> None:
    """Everybody at once; of blocking calls as few as are answered in time."""
    address = urlsplit(instance.url)
    profile = "few" if labels["way"] == "blocking" else "burst"
    (stage,) = bench.claim.profiles[profile]
    job = Job(
        host=address.hostname or "",
        port=address.port or 0,
        requests=requests,
        connections=stage.at_once or 1,
        in_turn=True,
        timeout_seconds=stage.for_.in_seconds,
    )
    bench.load(job, profile, **labels)


def _reads(number: int) -> list[Asked]:
    """Each product of the thousand once, begun elsewhere in each round."""
    return [Asked(f"/products/sku-{(number * 100 + place) % 1000 + 1:04d}") for place in range(_BURST)]


def _shop(bench: Bench, stack: Stack, asynchronous: str) -> contextlib.AbstractContextManager[Instance]:
    pool = f"{bench.number('pool'):.0f}"
    told = {"SHOP_ASYNC_IO": asynchronous, "SHOP_POSTGRES_POOL_MIN": pool, "SHOP_POSTGRES_POOL_MAX": pool}
    return stack.instance("shop", 1, _PATIENT | told)


@contextlib.contextmanager
def _far_away(bench: Bench, stack: Stack) -> Iterator[None]:
    toxiproxy, name = Toxiproxy(stack.target.urls.toxiproxy), "claim-waits"
    milliseconds = int(bench.number("wait_ms"))
    toxiproxy.add(_PROXY, Toxic(name, "latency", "downstream", {"latency": milliseconds, "jitter": 0}))
    try:
        yield
    finally:
        toxiproxy.remove(_PROXY, name)
