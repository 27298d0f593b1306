"""The parts of the cache that need no server: entries, memory, flights, what HTTP is told, pages."""

import asyncio
import gzip
import json
import time

import pytest
from fastapi import Request
from prometheus_client import CollectorRegistry

from services.kit.cache.entry import Entry, compressed
from services.kit.cache.found import Found
from services.kit.cache.l1 import L1
from services.kit.cache.metrics import CacheMetrics
from services.kit.cache.single_flight import SingleFlight
from services.kit.http.caching import HttpCache, accepts_gzip, etag_matches
from services.kit.problems import DependencyUnavailable
from services.shop import product
from services.shop.product import Page, Product

LONG = b"x" * 2000


def entry(body=b"{}", read_at=100.0, fresh_until=105.0, compress=True):
    return Entry.of(body, read_at, fresh_until, compress=compress)


def test_an_entry_survives_its_way_through_redis():
    original = entry(LONG)
    assert Entry.decode(original.encode()) == original


@pytest.mark.parametrize("data", [b"", b"{}", b"\x93\x01\x02\x03", entry().encode()[:-3]])
def test_what_is_no_entry_is_a_miss_and_no_error(data):
    assert Entry.decode(data) is None


def test_an_entry_may_be_refreshed_in_the_last_fifth_of_its_time():
    assert entry(read_at=100.0, fresh_until=105.0).refresh_at == pytest.approx(104.0)


def test_small_bodies_are_not_compressed():
    assert compressed(b"x" * 1024) == b""
    assert gzip.decompress(compressed(LONG)) == LONG
    assert entry(LONG, compress=False).gzip == b""


def test_memory_is_bounded_in_bytes_and_keeps_what_is_used():
    l1 = L1(max_bytes=10 * entry(LONG).size_bytes)
    for number in range(100):
        l1.get("popular")
        l1.put("popular" if number == 0 else str(number), entry(LONG), 1.0)
    assert l1.get("popular")
    assert l1.entries == 10
    assert l1.size_bytes <= 10 * entry(LONG).size_bytes


def test_what_is_larger_than_memory_is_not_held():
    l1 = L1(max_bytes=1000)
    l1.put("large", entry(LONG), 1.0)
    assert l1.get("large") is None


def test_invented_keys_push_out_nothing_that_exists():
    l1 = L1(max_bytes=20 * entry().size_bytes)
    for number in range(10):
        l1.put(f"product-{number}", entry(), 1.0)
    for number in range(10_000):
        l1.put(f"invented-{number}", Entry.nothing(100.0, 102.0), 1.0)
    assert all(l1.get(f"product-{number}") for number in range(10))
    assert l1.entries <= 12


def test_what_comes_to_exist_is_no_longer_absent():
    l1 = L1(max_bytes=100_000)
    l1.put("key", Entry.nothing(100.0, 102.0), 1.0)
    l1.put("key", entry(), 1.0)
    assert not l1.get("key").entry.absent
    l1.drop("key")
    assert l1.get("key") is None


class Source:
    """Counts how often it is asked, and answers when told to."""

    def __init__(self):
        self.asked = 0
        self.answer = asyncio.Event()

    async def read(self, _flight):
        self.asked += 1
        await self.answer.wait()
        return self.asked


async def joined(flights, source, callers):
    """So many callers at once, as tasks that wait."""

    async def call():
        flight = flights.find("key") or flights.start("key", source.read)
        await flight.wait(5.0)
        return flight.result()

    tasks = [asyncio.create_task(call()) for _ in range(callers)]
    await asyncio.sleep(0.01)
    return tasks


@pytest.mark.parametrize(("shared", "reads"), [(True, 1), (False, 20)])
def test_callers_at_the_same_moment_share_one_read(shared, reads):
    async def run():
        source, flights = Source(), SingleFlight(shared=shared)
        tasks = await joined(flights, source, 20)
        source.answer.set()
        await asyncio.gather(*tasks)
        return source.asked

    assert asyncio.run(run()) == reads


def test_a_caller_who_leaves_takes_nothing_from_the_others():
    async def run():
        source, flights = Source(), SingleFlight()
        tasks = await joined(flights, source, 5)
        tasks[0].cancel()
        await asyncio.sleep(0.01)
        source.answer.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        return source.asked, answers

    asked, (left, *stayed) = asyncio.run(run())
    assert (asked, stayed) == (1, [1] * 4)
    assert isinstance(left, asyncio.CancelledError)


def test_an_error_reaches_all_callers_and_is_not_kept():
    async def fail(_flight):
        raise DependencyUnavailable("postgres")

    async def run():
        flights = SingleFlight()
        flight = flights.start("key", fail)
        await flight.wait(1.0)
        with pytest.raises(DependencyUnavailable):
            flight.result()
        return flights.find("key")

    assert asyncio.run(run()) is None


def test_a_detached_flight_is_joined_by_nobody_new():
    async def run():
        source, flights = Source(), SingleFlight()
        before = await joined(flights, source, 1)
        flights.detach("key")
        after = await joined(flights, source, 1)
        source.answer.set()
        await asyncio.gather(*before, *after)
        return source.asked

    assert asyncio.run(run()) == 2


@pytest.mark.parametrize(
    ("asked", "matches"),
    [('W/"a"', True), ('"a"', True), ("*", True), ('"b", W/"a"', True), ('W/"b"', False), ("", False), ("a", False)],
)
def test_if_none_match_compares_weakly(asked, matches):
    assert etag_matches(asked, 'W/"a"') is matches


@pytest.mark.parametrize(
    ("accepted", "yes"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip; q=1", True),
        ("gzip;q=0", False),
        ("gzip;q=nonsense", False),
        ("", False),
        ("br", False),
        ("x-gzip-like", False),
    ],
)
def test_gzip_is_sent_to_whom_it_is_welcome(accepted, yes):
    assert accepts_gzip(accepted) is yes


ALL_ON = HttpCache(max_age_seconds=1, cacheable=True, etag=True, gzip=True)


def answer(found, policy=ALL_ON, **headers):
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return policy.answer(Request({"type": "http", "headers": raw}), found)


def found(left, body=b"{}", layer="l1", stale=False):
    now = time.time()
    return Found(entry(body, now + left - 5, now + left), layer, stale)


@pytest.mark.parametrize(
    ("left", "control"),
    [
        (4.5, "public, max-age=1, must-revalidate"),
        (1.5, "public, max-age=1, must-revalidate"),
        (0.9, "no-cache"),
        (-0.1, "no-cache"),
    ],
)
def test_http_keeps_an_answer_a_second_at_most_and_never_beyond_its_time(left, control):
    assert answer(found(left)).headers["cache-control"] == control


def test_a_stale_answer_is_marked_and_kept_by_nobody():
    response = answer(found(-3.5, stale=True), if_none_match="*")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["cache-status"] == "shop; hit; ttl=-4; detail=l1"
    assert response.headers["age"] == "8"
    assert "etag" not in response.headers


def test_a_client_that_has_it_gets_no_body():
    first = answer(found(3))
    again = answer(found(3), if_none_match=first.headers["etag"])
    assert (again.status_code, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert answer(found(3, b"{1}"), if_none_match=first.headers["etag"]).status_code == 200


def test_what_is_compressed_for_some_varies_for_all():
    plain, small = answer(found(3, LONG)), answer(found(3, LONG), accept_encoding="gzip")
    assert (plain.headers["vary"], small.headers["vary"]) == ("accept-encoding", "accept-encoding")
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(small.body) == plain.body
    assert "vary" not in answer(found(3), accept_encoding="gzip").headers


def test_switched_off_nothing_is_kept_validated_or_compressed():
    off = HttpCache(max_age_seconds=1, cacheable=False, etag=False, gzip=False)
    response = answer(found(3, LONG), off, accept_encoding="gzip", if_none_match="*")
    assert (response.status_code, response.body) == (200, LONG)
    assert response.headers["cache-control"] == "no-store"
    assert not {"etag", "content-encoding"} & set(response.headers)


PAGE = product.encode(Page([Product("a-1", "One", 1), Product("a-2", "Two", 2)], "next"))


def test_a_cursor_leads_back_to_its_sku():
    assert product.sku_of(product.cursor_after("sku-0020")) == "sku-0020"
    assert product.sku_of("") == ""


def test_a_page_shows_the_fields_asked_for_and_always_the_sku():
    assert json.loads(product.select(PAGE, {"name"}))["products"] == [
        {"sku": "a-1", "name": "One"},
        {"sku": "a-2", "name": "Two"},
    ]


def test_stock_is_shown_or_said_to_be_missing():
    known = json.loads(product.with_stock(PAGE, {"sku"}, {"a-1": 7}))
    assert known == {"products": [{"sku": "a-1", "stock": 7}, {"sku": "a-2", "stock": 0}], "next": "next"}
    unknown = json.loads(product.with_stock(PAGE, {"sku"}, None))
    assert [shown["stock"] for shown in unknown["products"]] == [None, None]
    assert unknown["unavailable"] == ["stock"]


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        *(("requests", {"layer": "l1", "result": result}) for result in ("hit", "miss", "stale", "negative")),
        *(("requests", {"layer": "l2", "result": result}) for result in ("hit", "miss", "stale", "negative", "error")),
        *(("source_reads", {"cache": cache}) for cache in ("product", "page")),
        *(("waits", {"result": result}) for result in ("joined", "filled", "gave_up")),
        *(("stale_answers", {"reason": reason}) for reason in ("unavailable", "slow")),
        *(("invalidations", {"result": result}) for result in ("ok", "error")),
    ],
)
def test_every_count_starts_at_zero(name, labels):
    registry = CollectorRegistry()
    metrics = CacheMetrics(registry)
    for cache in ("product", "page"):
        metrics.source_reads(cache)
    assert registry.get_sample_value(f"app_cache_{name}_total", labels) == 0


def test_memory_shows_how_full_it_is():
    registry, l1 = CollectorRegistry(), L1(max_bytes=100_000)
    CacheMetrics(registry).watch("product", l1)
    l1.put("key", entry(), 1.0)
    labels = {"cache": "product", "layer": "l1"}
    assert registry.get_sample_value("app_cache_entries", labels) == 1
    assert registry.get_sample_value("app_cache_bytes", labels) == entry().size_bytes
