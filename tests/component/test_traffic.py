"""Traffic faults against a small server of their own: as much as was asked for, only here, and gone afterwards."""

import asyncio
import contextlib
import statistics
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import msgspec
import pytest

from chaos.errors import FaultFailed
from chaos.faults.hands import System
from chaos.faults.table import hands_of
from chaos.spec.faults import traffic
from chaos.spec.load import LoadSettings
from chaos.spec.values import Duration
from tests import fakes
from tests.waiting import until

HOLD = Duration.parse("10s")


@dataclass
class Shop:
    """Answers every whole request, after a while, and knows who is connected."""

    loop: asyncio.AbstractEventLoop
    seconds: float = 0.0
    """From a request to its answer."""
    paths: Counter = field(default_factory=Counter)
    connected: int = 0
    received: int = 0
    """Bytes that are no whole request yet."""
    closes: bool = False
    """Whether it keeps no connection."""
    port: int = 0
    writers: set = field(default_factory=set)

    async def serve(self, reader, writer):
        self.connected += 1
        self.writers.add(writer)
        try:
            while not self.closes:
                head = await self._head(reader)
                self.paths[head.split()[1]] += 1
                await asyncio.sleep(self.seconds)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side has left
        finally:
            self.connected -= 1
            self.writers.discard(writer)
            writer.close()

    def keep_none(self):
        """Close what is open, and what comes."""
        self.closes = True
        for writer in list(self.writers):
            writer.close()

    async def _head(self, reader):
        head = b""
        while not head.endswith(b"\r\n\r\n") or head.startswith(b"POST"):
            head += await reader.readexactly(1)
            self.received += 1
        return head.decode()


@pytest.fixture
def shop():
    loop, ready = asyncio.new_event_loop(), threading.Event()
    shop = Shop(loop)
    ending = asyncio.Event()

    async def serve():
        server = await asyncio.start_server(shop.serve, "127.0.0.1", 0, backlog=512)
        shop.port = server.sockets[0].getsockname()[1]
        ready.set()
        await ending.wait()
        server.close()
        open_still = asyncio.all_tasks() - {asyncio.current_task()}
        for task in open_still:
            task.cancel()
        await asyncio.gather(*open_still, return_exceptions=True)
        await asyncio.sleep(0)  # closed transports take a turn of the loop

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(5)
    yield shop
    loop.call_soon_threadsafe(ending.set)
    thread.join(5)
    loop.close()


def system(folder, url):
    made = fakes.system(folder)
    urls = msgspec.structs.replace(made.target.urls, users=url)
    return System(msgspec.structs.replace(made.target, urls=urls), made.control)


@contextlib.contextmanager
def held(fault, folder, shop):
    there = system(folder, f"http://127.0.0.1:{shop.port}")
    hands_of(fault).check(there)
    hands_of(fault).inject(there)
    try:
        yield there
    finally:
        hands_of(fault).undo(there)
        assert hands_of(fault).undone(there).holds


def test_a_surge_is_as_many_reads_as_were_asked_for_however_slow_the_answers(tmp_path, shop):
    shop.seconds = 0.5
    fault = traffic.TrafficSurge(for_=HOLD, factor=3)
    with held(fault, tmp_path, shop) as there:
        until(lambda: hands_of(fault).in_place(there).holds)
        rates, wanted = [], 2 * LoadSettings().rate_per_second

        def as_asked():
            began, asked = time.monotonic(), shop.paths.total()
            until(lambda: shop.paths.total() - asked >= 200)
            rates.append((shop.paths.total() - asked) / (time.monotonic() - began))
            print(f"{rates[-1]} requests/s")
            return statistics.median(rates) == pytest.approx(wanted, rel=0.25)

        # A busy machine may keep the one or the other side from its turn for a while.
        until(as_asked)
        assert all(path.startswith("/products/sku-") for path in shop.paths)
    until(lambda: shop.connected == 0)


def test_a_crowd_is_always_all_there_however_quick_the_answers(tmp_path, shop):
    fault = traffic.TrafficCrowd(for_=HOLD, users=40, reads="orders")
    for seconds in (0.2, 0.0):
        shop.seconds = seconds
        with held(fault, tmp_path, shop) as there:
            until(lambda: shop.connected == 40)
            asked = shop.paths.total()
            until(lambda: shop.paths.total() - asked >= 400)  # noqa: B023  # called at once
            until(lambda: hands_of(fault).in_place(there).holds)
            assert all(path.startswith("/orders/") for path in shop.paths)
        until(lambda: shop.connected == 0)


def test_a_crowd_that_nobody_answers_stays_and_asks_on(tmp_path, shop):
    fault = traffic.TrafficCrowd(for_=HOLD, users=5)
    shop.seconds = 60
    with held(fault, tmp_path, shop) as there:
        until(lambda: hands_of(fault).in_place(there).holds)
        asked = shop.paths.total()
        until(lambda: shop.paths.total() - asked >= 10)
        until(lambda: hands_of(fault).in_place(there).holds)


def test_idle_connections_are_all_open_at_once_and_none_stays(tmp_path, shop):
    fault = traffic.TrafficSlowClients(for_=HOLD, connections=300, sends="nothing")
    with held(fault, tmp_path, shop) as there:
        # Connected comes before asked, and the agent says so every half second.
        until(lambda: shop.connected == shop.paths["/products/sku-0001"] == 300)
        until(lambda: hands_of(fault).in_place(there).holds)
        assert shop.paths["/products/sku-0001"] == 300
    until(lambda: shop.connected == 0)


def test_slow_bodies_come_a_byte_at_a_time(tmp_path, shop):
    fault = traffic.TrafficSlowClients(for_=HOLD, connections=20, sends="body")
    with held(fault, tmp_path, shop):
        until(lambda: shop.connected == 20)
        until(lambda: shop.received > 0)
        first = shop.received
        until(lambda: shop.received > first)
        assert not shop.paths  # nothing is ever whole


def test_connections_that_the_server_does_not_keep_are_no_fault_in_place(tmp_path, shop):
    fault = traffic.TrafficSlowClients(for_=HOLD, connections=50, sends="nothing")
    with held(fault, tmp_path, shop) as there:
        until(lambda: hands_of(fault).in_place(there).holds)
        shop.loop.call_soon_threadsafe(shop.keep_none)
        until(lambda: not hands_of(fault).in_place(there).holds)


@pytest.mark.parametrize("url", ["http://192.0.2.1:80", "http://shop.example.com"])
def test_traffic_goes_to_this_machine_only(tmp_path, url):
    with pytest.raises(FaultFailed, match="this machine only"):
        hands_of(traffic.TrafficSurge(for_=HOLD, factor=5)).check(system(tmp_path, url))
