"""What protects a request from the servers behind it, with each protection and without: real servers, real faults."""

import asyncio
import statistics
import time
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from services.kit.http.client import HttpClient, Remote
from services.kit.problems import DeadlineExceeded, DependencyUnavailable, Overloaded, Unavailable
from services.kit.resilience import deadline
from services.kit.settings import ResilienceSettings
from tests.component.clients import instruments, postgres, select_one, sleep
from tests.toxics import each_toxic, proxied, toxic
from tests.waiting import until

pytestmark = pytest.mark.stack


# Circuit breaker


def refusals(stack, **switches):
    """Ask a Postgres that does not answer, one request after the other; the seconds each was kept waiting."""

    async def main():
        settings = {"postgres_query_timeout": timedelta(milliseconds=300), **switches}
        async with postgres(stack, postgres_pool_timeout=timedelta(milliseconds=300), **settings) as pool:
            await pool.run(select_one)
            seconds = []
            with toxic(stack, "postgres-shop-1", "timeout", timeout=0):
                for _ in range(12):
                    began = time.monotonic()
                    with pytest.raises(Unavailable):
                        await pool.run(select_one)
                    seconds.append(time.monotonic() - began)
            await until_well(pool)
            return seconds

    return asyncio.run(main())


async def until_well(pool):
    give_up_at = time.monotonic() + 20
    while True:
        try:
            return await pool.run(select_one)
        except Unavailable:
            assert time.monotonic() < give_up_at
            await asyncio.sleep(0.05)


def test_a_postgres_that_does_not_answer_is_refused_quickly_and_used_again_when_well(stack):
    seconds = refusals(stack)
    assert min(seconds[:5]) > 0.25, seconds
    # Those after the fifth failure wait for nothing, but for the odd probe: without the circuit each would wait.
    assert statistics.median(seconds[5:]) < 0.1, seconds


def test_without_a_circuit_breaker_each_request_waits_its_time_out(stack):
    seconds = refusals(stack, circuit_breaker=False)
    assert min(seconds) > 0.25, seconds


# Deadline


def inventory(url, instruments_, patience_seconds=2, **settings):
    remote = Remote("inventory", url, timedelta(seconds=patience_seconds), 10)
    return HttpClient(remote, ResilienceSettings(**settings), instruments_)


@pytest.mark.parametrize("enabled", [True, False])
def test_all_waits_of_a_request_together_keep_to_its_deadline(stack, enabled):
    async def main(url):
        parts, patience = instruments(), timedelta(seconds=10)
        async with (
            postgres(
                stack, instruments_=parts, postgres_pool_timeout=patience, postgres_query_timeout=patience
            ) as pool,
            inventory(url, parts, patience_seconds=5) as client,
        ):
            await pool.run(select_one)
            if enabled:
                deadline.start(timedelta(seconds=2.5))
            began = time.monotonic()
            await pool.run(lambda connection: sleep(connection, 0.7))
            with pytest.raises((DependencyUnavailable, DeadlineExceeded)):
                await client.request("GET", "/stock/sku-0001", idempotent=True)
            return time.monotonic() - began

    with proxied(stack, stack.topology.inventory_front) as (proxy, port), toxic(stack, proxy, "timeout", timeout=0):
        seconds = asyncio.run(main(f"http://127.0.0.1:{port}"))
    # Without it the second wait has its own five seconds, whatever the first one took.
    assert seconds < 4.5 if enabled else seconds > 5.6


@pytest.mark.parametrize("enabled", [True, False])
def test_a_deadline_reaches_the_service_behind(stack, enabled):
    headers = {"x-request-timeout-ms": "300"} if enabled else {}

    def refused():
        began = time.monotonic()
        answer = httpx.get(f"{stack.url('inventory')}/stock/sku-0001", headers=headers, timeout=10)
        assert answer.status_code == 503
        return time.monotonic() - began

    until(lambda: httpx.get(f"{stack.url('inventory')}/stock/sku-0001").status_code == 200)
    with each_toxic(stack, ["postgres-inventory-1", "postgres-inventory-2"], "timeout", timeout=0):
        seconds = [refused()]
        # A busy machine delays one of a few; more of them would open the circuit, whose refusal takes no time at all.
        while enabled and min(seconds) > 0.6 and len(seconds) < 3:
            seconds.append(refused())
    assert min(seconds) < 0.6 if enabled else min(seconds) > 0.9, seconds


# Retries


@asynccontextmanager
async def flaky_server(failures):
    """A server that hangs up on its first requests without an answer; counts them."""
    seen = 0

    async def serve(reader, writer):
        nonlocal seen
        await reader.readuntil(b"\r\n\r\n")
        seen += 1
        if seen > failures:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", lambda: seen


@pytest.mark.parametrize(
    ("method", "idempotent", "retries", "requests"),
    [("GET", True, True, 2), ("POST", True, True, 2), ("POST", False, True, 1), ("GET", True, False, 1)],
)
def test_a_connection_that_breaks_is_tried_again_where_that_is_harmless(method, idempotent, retries, requests):
    async def main():
        async with flaky_server(1) as (url, seen), inventory(url, instruments(), retries=retries) as client:
            try:
                answer = await client.request(method, "/", idempotent=idempotent)
                return answer.status_code, seen()
            except DependencyUnavailable:
                return None, seen()

    assert asyncio.run(main()) == (200 if requests == 2 else None, requests)


@pytest.mark.parametrize("bulkhead", [True, False])
def test_a_service_that_hangs_takes_no_more_requests_than_its_bulkhead_has_turns(stack, bulkhead):
    """Whoever has no turn gives up well before one is given back: else the two would end at the same moment."""

    async def main(url):
        async with inventory(url, instruments(), bulkhead=bulkhead, circuit_breaker=False) as client:

            async def ask(patience_seconds):
                deadline.start(timedelta(seconds=patience_seconds))
                return await client.request("GET", "/stock/sku-0001", idempotent=True)

            asked = (*(ask(1.8) for _ in range(10)), *(ask(0.6) for _ in range(90)))
            return await asyncio.gather(*asked, return_exceptions=True)

    with proxied(stack, stack.topology.inventory_front) as (proxy, port), toxic(stack, proxy, "timeout", timeout=0):
        results = asyncio.run(main(f"http://127.0.0.1:{port}"))
    shed = [isinstance(result, Overloaded) for result in results]
    assert shed == ([False] * 10 + [True] * 90 if bulkhead else [False] * 100)
    assert all(isinstance(result, Overloaded | DependencyUnavailable | DeadlineExceeded) for result in results)
