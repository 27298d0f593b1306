"""Eight workers an instance: all come up and serve, and their pools leave Postgres what others need. Minutes."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
import psycopg
import pytest

from compose import health
from compose.config import connections
from compose.config.programs import postgres_dsn
from compose.settings import MOST_WORKERS

pytestmark = [pytest.mark.stack, pytest.mark.slow]

USERS = 8
ROUNDS = 25
"""Of each user: three products, an order, and a look at the stock."""
_LOOK_EVERY_SECONDS = 0.1
_CONNECTIONS = """
SELECT coalesce(substring(application_name FROM '^(?:shop|inventory)-[0-9]$'), 'others'), count(*)
FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1
"""


@dataclass
class Seen:
    """What users and Postgres saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    served_by: Counter[str] = field(default_factory=Counter)
    connections: list[Counter[str]] = field(default_factory=list)
    """Of each instance and of `others`, at one moment after the other."""

    def note(self, answer: httpx.Response) -> None:
        self.statuses[answer.status_code] += 1
        self.served_by[answer.headers.get("x-served-by", "nobody")] += 1

    def most(self, *names: str) -> int:
        """The most connections that these had together at any moment."""
        return max(sum(moment[name] for name in names) for moment in self.connections)


def instances(stack):
    return [program for role in ("shop", "inventory") for program in stack.topology.of_role(role)]


def workers(stack):
    """The metrics ports that answer, of each instance: each worker process has one."""

    def answers(port):
        try:
            return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5).is_success
        except httpx.ConnectError:
            return False

    return {one.name: [port for port in one.metrics_ports if answers(port)] for one in instances(stack)}


async def use(shop, inventory, name, seen):
    """One user, without a pause."""
    for _ in range(ROUNDS):
        sku, *others = (f"sku-{random.randint(1, 1000):04d}" for _ in range(4))
        for other in others:
            seen.note(await shop.get(f"/products/{other}"))
        body, key = {"sku": sku, "quantity": 1}, {"idempotency-key": str(uuid4())}
        seen.note(await shop.post("/orders", json=body, headers=key))
        seen.note(await inventory.get(f"/stock/{sku}"))


async def watch(observer, busy, seen):
    """Count connections, also once before the first request and once after the last."""
    over = False
    while not over:
        over = busy.done()
        found = await (await observer.execute(_CONNECTIONS)).fetchall()
        seen.connections.append(Counter(dict(found)))
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


async def used(stack):
    seen = Seen()
    dsn = postgres_dsn(stack.topology, stack.topology.one("postgres").port)
    async with (
        httpx.AsyncClient(base_url=stack.url("shop"), timeout=30) as shop,
        httpx.AsyncClient(base_url=stack.url("inventory"), timeout=30) as inventory,
        await psycopg.AsyncConnection.connect(dsn, autocommit=True) as observer,
    ):
        busy = asyncio.gather(*(use(shop, inventory, name, seen) for name in range(USERS)))
        await watch(observer, busy, seen)
        await busy
    return seen


def told_by_postgres(stack, setting):
    with psycopg.connect(postgres_dsn(stack.topology, stack.topology.one("postgres").port)) as connection:
        return int(connection.execute(f"SHOW {setting}").fetchone()[0])


@pytest.fixture(scope="module")
def before(stack):
    """The workers, before the first request."""
    return workers(stack)


@pytest.fixture(scope="module")
def seen(stack, before):
    found = asyncio.run(used(stack))
    names = [one.name for one in instances(stack)]
    print(f"statuses {dict(found.statuses)}, served by {dict(found.served_by)}")
    print(f"connections, at most: pools {found.most(*names)}, others {found.most('others')}")
    return found


def test_all_workers_come_up(stack, before):
    assert stack.settings.workers == MOST_WORKERS
    assert {name: len(ports) for name, ports in before.items()} == dict.fromkeys(before, MOST_WORKERS)


def test_every_instance_serves_and_nobody_fails(stack, seen):
    assert seen.statuses == {200: 4 * USERS * ROUNDS, 201: USERS * ROUNDS}
    assert seen.served_by.keys() - {"cache"} == {one.name for one in instances(stack)}, seen.served_by


def test_no_worker_ended_meanwhile(stack, before, seen):
    assert workers(stack) == before
    assert health.failures(health.everything(stack.topology)) == {}


def test_the_pools_are_full_and_keep_within_their_budget(stack, seen):
    each = MOST_WORKERS * connections.pool_size(stack.settings, stack.topology)
    names = [one.name for one in instances(stack)]
    assert {name: seen.most(name) for name in names} == dict.fromkeys(names, each)
    assert seen.most(*names) <= connections.BUDGET


def test_postgres_has_what_all_take_and_what_is_reserved(stack, seen):
    there = told_by_postgres(stack, "max_connections")
    reserved = told_by_postgres(stack, "superuser_reserved_connections")
    assert (there, reserved) == (connections.MOST, connections.RESERVED)
    # Of the others one is who looks.
    assert 1 < seen.most("others") <= connections.OTHERS
    assert seen.most("others", *(one.name for one in instances(stack))) <= there - reserved
