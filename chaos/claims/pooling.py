"""Claim 6: reads through pools and without, and how many connections Postgres sees."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from chaos.claims.bench import Bench
from chaos.claims.stack import Instance, Stack
from chaos.load.open_loop.job import Asked, Job
from chaos.machine import cpu_time
from chaos.reach.postgres_watch import PostgresWatch

_CROWD = 400
_UNCACHED = {
    # Every read is one of Postgres.
    "SHOP_L1_CACHE": "off",
    "SHOP_L2_CACHE": "off",
    "SHOP_SINGLE_FLIGHT": "off",
    "SHOP_CIRCUIT_BREAKER": "off",
    "SHOP_RETRIES": "off",
    "SHOP_CACHE_WARMING": "off",
    "SHOP_CACHE_READ_LIMIT": "10s",
    "SHOP_REQUEST_DEADLINE": "10s",
    "SHOP_POSTGRES_POOL_TIMEOUT": "5s",
    "SHOP_POSTGRES_QUERY_TIMEOUT": "5s",
}
_READS = [Asked(f"/products/sku-{number:04d}") for number in range(1, 1001)]


def measure(bench: Bench) -> None:
    """The same reads and crowds, first with pools, then without."""
    # The stack's own pools would take half of what Postgres has.
    few = {f"{role}_POSTGRES_POOL_{end}": "2" for role in ("SHOP", "INVENTORY") for end in ("MIN", "MAX")}
    stack = bench.stack(few)
    pool = f"{bench.number('pool'):.0f}"
    sized = {"SHOP_POSTGRES_POOL_MIN": pool, "SHOP_POSTGRES_POOL_MAX": pool}
    without = {"SHOP_POOL": "off"}
    _read(bench, stack, without if bench.deviates("no-pool") else sized, "pool")
    _read(bench, stack, without, "none")


def _read(bench: Bench, stack: Stack, told: Mapping[str, str], pools: str) -> None:
    with (
        stack.instance("shop", int(bench.number("workers")), {**_UNCACHED, **told}) as instance,
        PostgresWatch(stack.target.postgres, "beside-") as watch,
    ):
        watch.settled(bench.interrupts)
        for part, profile, connections in (("reads", "reads", 64), ("crowd", "crowd", _CROWD)):
            opened = watch.opened()
            for number in range(int(bench.number("rounds"))):
                labels = {"pools": pools, "part": part, "round": str(number)}
                cpu = _cpu(stack, instance)
                bench.load(_job(instance, connections), profile, **labels)
                bench.reading("cpu", _cpu(stack, instance) - cpu, "s", **labels)
            bench.reading("opened", watch.opened() - opened, "connections", pools=pools, part=part)
        bench.reading("most", watch.most, "connections", pools=pools)
        bench.reading("limit", watch.limit, "connections")


def _job(instance: Instance, connections: int) -> Job:
    address = urlsplit(instance.url)
    return Job(
        host=address.hostname or "",
        port=address.port or 0,
        requests=_READS,
        connections=connections,
        in_turn=True,
    )


def _cpu(stack: Stack, instance: Instance) -> float:
    postgres = stack.pids("postgres")
    # A connection's process takes its time along when it ends, and leaves it to the one that has started it.
    return cpu_time.seconds([*instance.pids, *postgres]) + cpu_time.of_ended_children(postgres[0])
