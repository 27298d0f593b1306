"""The load against a real, tiny shop that can be told to stall, fail, refuse and hang up."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import statistics
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
        self.answered = 0
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
        while self.mode == "stall":  # noqa: ASYNC110  # the mode is set from another thread
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
        self.answered += 1
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
    connections_when_ok: int
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
    spans: dict[str, tuple[float, float]] = {}
    connections: dict[str, int] = {}
    with TinyShop() as shop:
        process = control.start(run_dir, BASE_URL, SETTINGS, origin)
        try:
            control.await_first_request(process, run_dir, 10 * SECOND)
            for mode, seconds in MOODS.items():
                shop.mode, begin = mode, time.monotonic() - origin
                wait_for_tick(run_dir, begin + seconds)
                spans[mode] = (begin, time.monotonic() - origin)
                connections.setdefault(mode, shop.connections)
            shop.mode = "ok"
            cpu_seconds = sum(psutil.Process(process.pid).cpu_times()[:2])
        finally:
            stopped = control.stop(process, 5 * SECOND)
        assert stopped is Stopped.ENDED
        orders = ledger(run_dir)
        readings = list(read_back(orders.orders, BASE_URL, 10 * SECOND))
    return Drive(recorded(run_dir), orders, readings, shop, spans, connections["ok"], cpu_seconds)


@pytest.mark.parametrize("mood", MOODS)
def test_the_rate_is_held_whatever_the_shop_does(drive, mood):
    start, end = drive.spans[mood]
    rate = measures.rate_per_second(drive.load.requests, start, end)
    # Each span is a few seconds: one request more or less at its edges is 1 % and no drift.
    assert 0.95 <= rate / SETTINGS.rate_per_second <= 1.05, drive.load.ticks
    assert measures.rate_held(drive.load.ticks, SETTINGS.rate_per_second, start, end), drive.load.ticks


def test_arrivals_are_spread_evenly_also_through_the_stall(drive):
    start, end = drive.spans["stall"]
    sent = sorted(one.at for one in drive.load.requests if start <= one.at < end)
    gaps = [late - early for early, late in itertools.pairwise(sent)]
    # Nominal 20 ms. On two busy cores a wake-up may be late, a bunch of a tenth of a second would be ours.
    assert statistics.median(gaps) == pytest.approx(1 / SETTINGS.rate_per_second, rel=0.2)
    assert max(gaps) < 0.5, sorted(gaps)[-10:]


@pytest.mark.parametrize(
    ("mood", "error", "statuses"),
    [
        ("ok", None, {200, 201}),
        ("stall", "timed out", {None}),
        ("500", "HTTP 500", {500}),
        ("404", "HTTP 404", {404}),
        ("hang up", "connection closed", {None}),
        ("cut off", "broken answer", {None}),
        ("drip", "timed out", {None}),
    ],
)
def test_users_see_what_the_shop_does_to_them(drive, mood, error, statuses):
    met = drive.during(mood)
    assert len(met) > 50
    assert {one.error for one in met} == {error}
    assert {one.status for one in met} == statuses
    assert {one.ok for one in met} == {error is None}


def test_no_user_waits_longer_than_the_time_out(drive):
    slowest = max(one.took_seconds for one in drive.load.requests)
    # A dripping server too: the time-out is for the whole exchange. 0.4 s for two busy cores, and below the pacing.
    assert slowest < SETTINGS.timeout.total_seconds() + 0.4


def test_a_request_leaves_once_and_carries_no_trace(drive):
    # One read by key for each order, and one by id for each acknowledged one, came from the reading back.
    acknowledged = [order for order in drive.ledger.orders if order.state is OrderState.ACKNOWLEDGED]
    read_back_requests = len(drive.ledger.orders) + len(acknowledged)
    assert drive.shop.attempts.total() == len(drive.load.requests) + read_back_requests
    assert "traceparent" not in drive.shop.headers_seen


def test_users_keep_their_connections(drive):
    sent = [one for one in drive.load.requests if one.at < drive.spans["ok"][1]]
    assert len(sent) > SETTINGS.users + 20
    assert drive.connections_when_ok <= SETTINGS.users


def test_the_instance_that_answered_is_recorded(drive):
    assert measures.served_by(drive.during("ok")) == {"shop-1": len(drive.during("ok"))}
    assert measures.served_by(drive.during("500")) == {"shop-1": len(drive.during("500"))}
    assert measures.served_by(drive.during("hang up")) == {}


@pytest.mark.parametrize(
    ("mood", "state"),
    [
        ("ok", OrderState.ACKNOWLEDGED),
        ("stall", OrderState.UNKNOWN),
        ("500", OrderState.UNKNOWN),
        ("404", OrderState.REFUSED),
        ("hang up", OrderState.UNKNOWN),
        ("cut off", OrderState.UNKNOWN),
        ("drip", OrderState.UNKNOWN),
    ],
)
def test_an_order_is_what_its_user_knows_of_it(drive, mood, state):
    assert {order.state for order in drive.orders(mood)} == {state}


def test_every_order_sent_is_in_the_ledger_and_is_read_back(drive):
    assert set(drive.shop.orders) <= {order.key for order in drive.ledger.orders}
    result = tally(drive.readings)
    assert result.found == result.acknowledged > 0
    assert result.refused_absent == result.refused > 0
    # The stalled shop did its work after its users had given up; failed with a 500 it did not.
    assert result.unknown_found > 0
    assert result.unknown_absent > 0
    assert result.lost == result.mismatched == result.doubled == result.refused_but_found == result.unread == ()


def test_the_load_ends_in_order_and_costs_little(drive):
    assert drive.load.end == "SIGTERM"
    assert drive.load.complete
    assert drive.load.settings == SETTINGS
    assert sum(tick.finished for tick in drive.load.ticks) == pytest.approx(len(drive.load.requests), abs=60)
    # Measured: 6 % of one core. Tolerance for a busy machine.
    assert drive.cpu_seconds < 0.2 * sum(MOODS.values())


def test_requests_in_flight_beyond_the_drain_are_unfinished(shop, started, tmp_path):
    process = started(tmp_path, replace(SETTINGS, drain=timedelta(seconds=0.2)))
    control.await_first_request(process, tmp_path, 10 * SECOND)
    shop.mode = "stall"
    wait_until(lambda: shop.attempts.total() > shop.answered + 20)
    assert control.stop(process, 5 * SECOND) is Stopped.ENDED
    load = recorded(tmp_path)
    unfinished = [one for one in load.requests if one.error == "unfinished"]
    assert len(unfinished) > 20
    assert not any(one.ok for one in unfinished)
    assert load.complete
    assert shop.attempts.total() == len(load.requests)


def test_a_stop_cuts_no_request_short(shop, started, tmp_path):
    # Many users that wake up all the time: without a word to them first, some are killed in a request just begun.
    crowd = LoadSettings(400, pacing=SECOND, timeout=0.8 * SECOND, drain=SECOND, max_duration=10 * SECOND)
    for attempt in ("first", "second"):
        run_dir = tmp_path / attempt
        run_dir.mkdir()
        process = started(run_dir, crowd)
        control.await_first_request(process, run_dir, 10 * SECOND)
        assert control.stop(process, 5 * SECOND) is Stopped.ENDED
        assert {one.error for one in recorded(run_dir).requests} == {None}


def test_after_sigkill_everything_but_the_requests_in_flight_is_there(shop, started, tmp_path):
    process = started(tmp_path)
    wait_until(lambda: shop.attempts.total() > 60)
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not control.is_alive(process))
    load = recorded(tmp_path)
    assert load.end is None
    assert not load.complete
    assert not load.torn
    assert shop.attempts.total() - len(load.requests) <= 2
    assert set(shop.orders) == {order.key for order in ledger(tmp_path).orders}


def test_another_process_stops_it_with_pid_and_start_time_alone(shop, started, tmp_path):
    process = started(tmp_path)
    control.await_first_request(process, tmp_path, 10 * SECOND)
    code = (
        "import sys; from datetime import timedelta; from chaos.load.control import LoadProcess, stop;"
        "print(stop(LoadProcess(int(sys.argv[1]), int(sys.argv[2])), timedelta(seconds=5)))"
    )
    command = [sys.executable, "-c", code, str(process.pid), str(process.started)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "ended\n"
    assert recorded(tmp_path).end == "SIGTERM"
    assert not control.is_alive(process)
    assert control.stop(process, SECOND) is Stopped.NOT_RUNNING
    assert not Path(f"/proc/{process.pid}").exists(), "a zombie is left"


def test_a_process_with_another_start_time_is_never_touched(shop, started, tmp_path):
    process = started(tmp_path)
    control.await_first_request(process, tmp_path, 10 * SECOND)
    stranger = replace(process, started=process.started + 1)
    assert not control.is_alive(stranger)
    assert control.stop(stranger, timedelta()) is Stopped.NOT_RUNNING
    assert control.is_alive(process)
    before = shop.attempts.total()
    wait_until(lambda: shop.attempts.total() > before + 10)


def test_a_process_that_leads_no_group_of_its_own_is_never_signalled(monkeypatch):
    monkeypatch.setattr(control, "KILL_SECONDS", 0.1)
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        started = int(Path(f"/proc/{bystander.pid}/stat").read_text().rpartition(")")[2].split()[19])
        with pytest.raises(TimeoutError):
            control.stop(LoadProcess(bystander.pid, started), timedelta())
        assert bystander.poll() is None
    finally:
        bystander.communicate()


def test_it_is_out_of_the_terminals_reach(shop, started, tmp_path):
    process = started(tmp_path)
    assert os.getsid(process.pid) == process.pid == process.pgid == os.getpgid(process.pid)


def test_a_load_that_stood_still_has_not_held_its_rate_and_is_killed_if_need_be(shop, started, tmp_path):
    process = started(tmp_path)
    first = control.await_first_request(process, tmp_path, 10 * SECOND)
    wait_for_tick(tmp_path, first + 2)
    os.kill(process.pid, signal.SIGSTOP)
    paused = recorded(tmp_path).ticks[-1].at
    time.sleep(4)  # it is time itself that must pass without a tick
    os.kill(process.pid, signal.SIGCONT)
    wait_for_tick(tmp_path, paused + 7)
    os.kill(process.pid, signal.SIGSTOP)
    load = recorded(tmp_path)
    held = measures.rate_held(load.ticks, SETTINGS.rate_per_second, first + 1, paused + 7)
    assert not held
    assert held.missing_seconds >= 2
    # Slots that were missed are not made good in a burst: each user sends once at most.
    assert max(tick.started for tick in load.ticks) <= SETTINGS.users + 60
    assert control.stop(process, timedelta(seconds=0.3)) is Stopped.KILLED
    assert not control.is_alive(process)


def test_it_ends_by_itself_when_nobody_stops_it(shop, started, tmp_path):
    process = started(tmp_path, replace(SETTINGS, max_duration=SECOND))
    wait_until(lambda: not control.is_alive(process))
    assert recorded(tmp_path).end == "max_duration"


def test_where_nothing_listens_users_are_refused(started, tmp_path):
    process = started(tmp_path)
    control.await_first_request(process, tmp_path, 10 * SECOND)
    assert control.stop(process, 5 * SECOND) is Stopped.ENDED
    assert {(one.status, one.error) for one in recorded(tmp_path).requests} == {(None, "connection refused")}


def test_a_load_that_dies_at_once_is_reported_with_its_log(started, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))  # no interpreter starts with this
    process = started(tmp_path)
    with pytest.raises(LoadNotStarted, match=r"ended before its first request.*Python"):
        control.await_first_request(process, tmp_path, 10 * SECOND)


def test_a_run_has_one_load(shop, started, tmp_path):
    process = started(tmp_path)
    control.await_first_request(process, tmp_path, 10 * SECOND)
    with pytest.raises(FileExistsError):
        started(tmp_path)


def test_the_first_request_leaves_soon(shop, started, tmp_path):
    process = started(tmp_path)
    # Measured: 0.45 s, nearly all of it Locust's import. Tolerance for a busy machine.
    assert control.await_first_request(process, tmp_path, 10 * SECOND) < 3
