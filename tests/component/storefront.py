"""Instances of the shop's product catalogue in this process, against the stack's Redis Cluster and Postgres.

They have a database of their own, so that the stack's own shops read nothing of what is counted here, behind a proxy
of their own, so that slowing it down slows nobody else down.
"""

import asyncio
import contextlib
import gc
import secrets
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import psycopg
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry

import services.shop
from compose.config import credentials
from compose.config.programs import postgres_dsn
from services.kit.postgres.database import Postgres
from services.kit.postgres.schema import apply_schema
from services.kit.redis.cluster import Redis
from services.kit.telemetry.instruments import Instruments
from services.shop.product import Product
from services.shop.products import Products
from services.shop.settings import ShopSettings
from tests.toxics import down, proxied, toxic
from tests.waiting import until as wait_until

SCHEMA = Path(services.shop.__file__).with_name("schema.sql")
# An answer that a busy machine delays is no failure, and changes what is counted no more than any other.
_PATIENT = {
    "redis_socket_timeout": "2s",
    "redis_timeout": "2500ms",
    "cache_lock_wait": "5s",
    "cache_read_limit": "10s",
}
REDIS_AS_IT_IS = {name: ShopSettings.model_fields[name].default for name in ("redis_socket_timeout", "redis_timeout")}
"""For tests of what Redis's silence costs."""
PATIENT_WITH_POSTGRES = {"postgres_pool_timeout": "5s", "postgres_query_timeout": "5s"}
"""For tests in which it is slow, and never gone: of one that is gone this is what it costs to find that out."""


def run(main):
    """Run a coroutine to its end, without a word about connections of Redis that its client forgot.

    It does so with those on which an answer or the connection itself came too late. No collection of garbage stops
    this process meanwhile: Redis would seem late.
    """
    gc.disable()
    try:
        return asyncio.run(main)
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        gc.enable()  # only now: it would find them by itself, and say so


@dataclass
class Instance:
    """One instance: its catalogue and what it counts."""

    products: Products
    registry: CollectorRegistry

    def count(self, name, **labels):
        return self.registry.get_sample_value(name, labels)

    @property
    def reads(self):
        return self.count("app_cache_source_reads_total", cache="product")


class Storefront:
    """A catalogue behind a Toxiproxy proxy of its own."""

    def __init__(self, stack):
        self._stack = stack
        self._topology = stack.topology
        self._database = f"storefront_{secrets.token_hex(4)}"
        self._open = contextlib.ExitStack()
        self.direct_dsn = self._dsn(stack.topology.one("postgres").port)

    def _dsn(self, port):
        return postgres_dsn(self._topology, port, database=self._database)

    def open(self):
        self._run_sql(f"CREATE DATABASE {self._database}")
        apply_schema(self.direct_dsn, SCHEMA)
        proxy = proxied(self._stack, self._topology.one("postgres").port)
        self._proxy, self._port = self._open.enter_context(proxy)

    def close(self):
        self._open.close()
        self._run_sql(f"DROP DATABASE {self._database} WITH (FORCE)")

    def _run_sql(self, statement):
        dsn = postgres_dsn(self._topology, self._topology.one("postgres").port)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(statement)

    def settings(self, **chosen):
        redis_nodes = ",".join(
            f"127.0.0.1:{self._topology.proxy(n.name).listen}" for n in self._topology.of_role("redis")
        )
        told = {
            "instance": "test",
            "metrics_ports": "1",
            "postgres_dsn": self._dsn(self._port),
            "redis_nodes": redis_nodes,
            "redis_user": "shop",
            "redis_password_file": credentials.redis_password_file(self._topology.secrets, "shop"),
            "inventory_url": "http://127.0.0.1:1",
        }
        return ShopSettings(**(told | _PATIENT | chosen))

    @contextlib.asynccontextmanager
    async def instances(self, number, **chosen):
        """So many instances with these settings, whose connections to Postgres and Redis are open."""
        async with contextlib.AsyncExitStack() as stack:
            made = [await stack.enter_async_context(self._instance(self.settings(**chosen))) for _ in range(number)]
            yield made

    @contextlib.asynccontextmanager
    async def _instance(self, settings):
        registry = CollectorRegistry()
        instruments = Instruments.create(registry, NoOpTracer())
        async with (
            Postgres(settings, instruments) as postgres,
            Redis(settings, instruments) as redis,
            Products(postgres, redis, settings, instruments) as products,
        ):
            await postgres._pool.wait(30)
            await postgres.run(lambda connection: connection.execute("SELECT 1"))
            if settings.l2_cache:
                # A slot of each master, so that no test waits for the first connection.
                for key in ("a", "b", "c", "d", "e", "f"):
                    with contextlib.suppress(Exception):
                        await redis.run(key, lambda cluster, key=key: cluster.get(key))
            yield Instance(products, registry)

    def toxic(self, kind, **attributes):
        """Postgres with this toxic on what it answers."""
        return toxic(self._stack, self._proxy, kind, **attributes)

    def slow(self, milliseconds):
        """Postgres that takes this long for each answer."""
        return self.toxic("latency", latency=milliseconds)

    def down(self):
        """Postgres that refuses connections."""
        return down(self._stack, self._proxy)

    def add(self, price_cents=100):
        """A product nobody has asked for yet; its sku."""
        sku = f"t-{secrets.token_hex(8)}"
        self.write(sku, price_cents)
        return sku

    def write(self, sku, price_cents):
        """Write a product past all caches."""
        with psycopg.connect(self.direct_dsn, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO shop.products VALUES (%s, 'Test', %s)"
                " ON CONFLICT (sku) DO UPDATE SET price_cents = excluded.price_cents",
                (sku, price_cents),
            )

    def scans(self):
        """How often products were read, by Postgres's own count; waits until all other connections are closed.

        A connection tells what it has read when it ends, and that is some time after its client has left.
        """
        with psycopg.connect(self.direct_dsn, autocommit=True) as connection:
            others = (
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            wait_until(lambda: connection.execute(others).fetchone()[0] == 0)
            row = connection.execute(
                "SELECT seq_scan + idx_scan FROM pg_stat_user_tables WHERE relid = 'shop.products'::regclass"
            ).fetchone()
            return row[0]

    def last_read_at(self):
        """When Postgres began its latest read of one product of those it is done with, by its clock; 0: never.

        What it answered may still be on its way.
        """
        with psycopg.connect(self.direct_dsn, autocommit=True) as connection:
            row = connection.execute(
                "SELECT coalesce(max(extract(epoch FROM query_start)), 0) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state = 'idle' AND query LIKE 'SELECT sku,% WHERE sku = %'"
            ).fetchone()
            return row[0]


def product_at(sku, price_cents):
    return Product(sku, "Test", price_cents)


async def until(look, seconds=10.0):
    """Wait for a condition; a coroutine function's or a plain function's first true answer."""
    give_up_at = time.monotonic() + seconds
    while True:
        found = look()
        found = await found if asyncio.iscoroutine(found) else found
        if found or time.monotonic() > give_up_at:
            assert found, f"not within {seconds} s"
            return found
        await asyncio.sleep(0.02)
