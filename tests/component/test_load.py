"""The load against a real, tiny shop that can be told to stall, fail, refuse and hang up."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from chaos.load import control, measures, samples
from chaos.load.control import LoadNotStarted, LoadProcess, Stopped
from chaos.load.facts import LEDGER_FILE, LOAD_FILE
from chaos.load.ledger import Ledger, Order, OrderReading, OrderState, fold, tally
from chaos.load.read_back import read_back
from chaos.load.settings import LoadSettings

PORT = 24400
BASE_URL = f"http://127.0.0.1:{PORT}"
SETTINGS = LoadSettings(max_duration=timedelta(seconds=60))
SECOND = timedelta(seconds=1)


class TinyShop:
    """The shop's three routes on one port, in a thread of its own; `mode` says how it answers from now on."""

    def __init__(self) -> None:
        self.mode = "ok"
        self.orders: dict[str, list[str]] = defaultdict(list)  # idempotency key -> order ids
        self.attempts: Counter[str] = Counter()  # by path
        self.headers_seen: set[str] = set()
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> "TinyShop":
        self._thread.start()
        self._call(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", PORT)

    async def _close(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
                await reader.readexactly(int(headers.get("content-length", 0)))
                self.headers_seen |= set(headers)
                method, path, _ = head[0].split(" ")
                self.attempts[path] += 1
                if not await self._answer(writer, method, path, headers):
                    break
        writer.close()

    async def _answer(self, writer, method: str, path: str, headers: dict[str, str]) -> bool:
        mode = self.mode
        while self.mode == "stall":
            await asyncio.sleep(0.02)
        if mode == "hang up":
            return False
        if mode == "drip":  # each byte in time, the answer never
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b" " * 900:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.3)
            return False
        if mode == "cut off":
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n{")
            await writer.drain()
            return False
        status, body = (int(mode), {}) if mode.isdigit() else self._serve(method, path, headers)
        payload = json.dumps(body).encode()
        writer.write(
            f"HTTP/1.1 {status} x\r\nContent-Length: {len(payload)}\r\nX-Served-By: shop-1\r\n\r\n".encode() + payload
        )
        await writer.drain()
        return True

    def _serve(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, object]]:
        if method == "POST":
            ids = self.orders[headers["idempotency-key"]]
            if not ids:
                ids.append(f"o{len(self.orders)}")
            return 201, {"id": ids[0]}
        if path.startswith("/orders?idempotency_key="):
            return 200, {"orders": [{"id": one} for one in self.orders.get(path.partition("=")[2], [])]}
        if path.startswith("/orders/"):
            order_id = path.rpartition("/")[2]
            known = any(order_id in ids for ids in self.orders.values())
            return (200, {"id": order_id}) if known else (404, {})
        return 200, {"sku": path.rpartition("/")[2]}


@pytest.fixture
def shop():
    with TinyShop() as shop:
        yield shop


@pytest.fixture
def started():
    """Starts loads that are gone after the test, whatever happened in it."""
    processes: list[LoadProcess] = []

    def start(run_dir: Path, settings: LoadSettings = SETTINGS, origin: float | None = None) -> LoadProcess:
        process = control.start(run_dir, BASE_URL, settings, time.monotonic() if origin is None else origin)
        processes.append(process)
        return process

    yield start
    for process in processes:
        control.stop(process, timedelta())


def wait_until(condition, seconds: float = 10.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "not in time"
        time.sleep(0.1)


def recorded(run_dir: Path) -> samples.Load:
    return samples.read(run_dir / LOAD_FILE)


def wait_for_tick(run_dir: Path, at: float) -> None:
    """Wait until the load has recorded the second that ends at `at` or later."""
    wait_until(lambda: any(tick.at >= at for tick in recorded(run_dir).ticks[-1:]), 20)


def ledger(run_dir: Path):
    with (run_dir / LEDGER_FILE).open() as lines:
        return fold(lines)


MOODS = {"ok": 4, "stall": 10, "500": 2, "404": 2, "hang up": 2, "cut off": 2, "drip": 4}  # seconds


@dataclass
class Drive:
    """One load through all of the shop's moods, and what is left of it."""

    load: samples.Load
    ledger: Ledger
    readings: list[OrderReading]
    shop: TinyShop
    spans: dict[str, tuple[float, float]]  # mode -> seconds since the origin
    cpu_seconds: float

    def during(self, mode: str) -> list[samples.Request]:
        """Requests that met this mode only."""
        start, end = self.spans[mode]
        return [one for one in self.load.requests if one.at >= start + 0.05 and one.ended_at <= end]

    def orders(self, mode: str) -> list[Order]:
        start, end = self.spans[mode]
        return [one for one in self.ledger.orders if start + 0.05 <= one.sent_at <= end - 2.1]


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("drive")
    origin = time.monotonic()
    spans = {}
    with TinyShop() as shop:
        process = control.start(run_dir, BASE_URL, SETTINGS, origin)
        try:
            control.await_first_request(process, run_dir, 10 * SECOND)
            for mode, seconds in MOODS.items():
                shop.mode, begin = mode, time.monotonic() - origin
                wait_for_tick(run_dir, begin + seconds)
                spans[mode] = (begin, time.monotonic() - origin)
            shop.mode = "ok"
            cpu_seconds = sum(psutil.Process(process.pid).cpu_times()[:2])
        finally:
            stopped = control.stop(process, 5 * SECOND)
        assert stopped is Stopped.ENDED
        orders = ledger(run_dir)
        readings = list(read_back(orders.orders, BASE_URL, 10 * SECOND))
    yield Drive(recorded(run_dir), orders, readings, shop, spans, cpu_seconds)
