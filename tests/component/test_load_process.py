"""The load as a process: started, stopped, killed, paused and left alone, against a tiny shop."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chaos.judge import measures
from chaos.load import starter
from chaos.load.starter import LoadNotStarted, LoadProcess, Stopped
from chaos.machine import process_identity
from chaos.spec.load import LoadSettings
from chaos.spec.loads import ShopLoad
from tests.component.tiny_shop import SECOND, SETTINGS, TinyShop, ledger, recorded, wait_for_tick, wait_until
from tests.ports import free_port


@pytest.fixture
def shop():
    with TinyShop() as shop:
        yield shop


@pytest.fixture
def started(shop):
    """Starts loads that are gone after the test, whatever happened in it."""
    processes: list[LoadProcess] = []

    def start(run_dir: Path, settings: LoadSettings = SETTINGS, origin: float | None = None) -> LoadProcess:
        process = starter.start(run_dir, shop.url, settings, time.monotonic() if origin is None else origin, ShopLoad())
        processes.append(process)
        return process

    yield start
    for process in processes:
        starter.stop(process, timedelta())


def test_requests_in_flight_beyond_the_drain_are_unfinished(shop, started, tmp_path):
    process = started(tmp_path, replace(SETTINGS, drain=timedelta(seconds=0.2)))
    starter.await_first_request(process, tmp_path, 10 * SECOND)
    shop.mode = "stall"
    wait_until(lambda: shop.attempts.total() > shop.answered + 20)
    assert starter.stop(process, 5 * SECOND) is Stopped.ENDED
    load = recorded(tmp_path)
    unfinished = [one for one in load.requests if one.error == "unfinished"]
    assert len(unfinished) > 20
    assert not any(one.ok for one in unfinished)
    assert load.complete
    # What left last the shop may be late to read.
    wait_until(lambda: shop.attempts.total() == len(load.requests))


def test_a_stop_cuts_no_request_short(shop, started, tmp_path):
    # Many users that wake up all the time: without a word to them first, some are killed in a request just begun.
    crowd = LoadSettings(400, pacing=SECOND, timeout=0.8 * SECOND, drain=SECOND, max_duration=10 * SECOND)
    for attempt in ("first", "second"):
        run_dir = tmp_path / attempt
        run_dir.mkdir()
        process = started(run_dir, crowd)
        starter.await_first_request(process, run_dir, 10 * SECOND)
        assert starter.stop(process, 10 * SECOND) is Stopped.ENDED
        # Cut short is unfinished; what takes too long on a busy machine does so without a stop.
        assert None in {one.error for one in recorded(run_dir).requests} <= {None, "timed out"}


def test_after_sigkill_everything_but_the_requests_in_flight_is_there(shop, started, tmp_path):
    # So few that at most two are in flight, however late they are noted.
    process = started(tmp_path, replace(SETTINGS, rate_per_second=4.0))
    wait_until(lambda: shop.attempts.total() > 12 and shop.orders, 40)
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not starter.is_alive(process))
    load = recorded(tmp_path)
    assert load.end is None
    assert not load.complete
    assert not load.torn
    assert shop.attempts.total() - len(load.requests) <= 2
    sent = {order.key for order in ledger(tmp_path).orders}
    assert set(shop.orders) <= sent
    assert len(sent) - len(shop.orders) <= 2


def test_another_process_stops_it_with_pid_and_start_time_alone(shop, started, tmp_path):
    process = started(tmp_path)
    starter.await_first_request(process, tmp_path, 10 * SECOND)
    code = (
        "import sys; from datetime import timedelta; from chaos.load.starter import LoadProcess, stop;"
        "print(stop(LoadProcess(int(sys.argv[1]), int(sys.argv[2])), timedelta(seconds=5)))"
    )
    command = [sys.executable, "-c", code, str(process.pid), str(process.started)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout == "ended\n"
    assert recorded(tmp_path).end == "SIGTERM"
    assert not starter.is_alive(process)
    assert starter.stop(process, SECOND) is Stopped.NOT_RUNNING
    assert not Path(f"/proc/{process.pid}").exists(), "a zombie is left"


def test_a_process_with_another_start_time_is_never_touched(shop, started, tmp_path):
    process = started(tmp_path)
    starter.await_first_request(process, tmp_path, 10 * SECOND)
    stranger = replace(process, started=process.started + 1)
    assert not starter.is_alive(stranger)
    assert starter.stop(stranger, timedelta()) is Stopped.NOT_RUNNING
    assert starter.is_alive(process)
    before = shop.attempts.total()
    wait_until(lambda: shop.attempts.total() > before + 10)


def test_a_process_that_leads_no_group_of_its_own_is_never_signalled(monkeypatch):
    monkeypatch.setattr(process_identity, "_KILL_SECONDS", 0.1)
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        started = int(Path(f"/proc/{bystander.pid}/stat").read_text().rpartition(")")[2].split()[19])
        with pytest.raises(TimeoutError):
            starter.stop(LoadProcess(bystander.pid, started), timedelta())
        assert bystander.poll() is None
    finally:
        bystander.communicate()


def test_it_is_out_of_the_terminals_reach(shop, started, tmp_path):
    process = started(tmp_path)
    assert os.getsid(process.pid) == process.pid == process.pgid == os.getpgid(process.pid)


def test_a_load_that_stood_still_has_not_held_its_rate_and_is_killed_if_need_be(shop, started, tmp_path):
    origin = time.monotonic()
    # Each user misses eight turns.
    settings = replace(SETTINGS, pacing=timedelta(seconds=0.5), timeout=timedelta(seconds=0.4))
    process = started(tmp_path, settings, origin)
    first = starter.await_first_request(process, tmp_path, 10 * SECOND)
    wait_for_tick(tmp_path, first + 2)
    os.kill(process.pid, signal.SIGSTOP)
    paused = recorded(tmp_path).ticks[-1].at
    time.sleep(4)  # it is time itself that must pass without a tick
    resumed = time.monotonic() - origin
    os.kill(process.pid, signal.SIGCONT)
    wait_for_tick(tmp_path, paused + 7)
    os.kill(process.pid, signal.SIGSTOP)
    load = recorded(tmp_path)
    held = measures.rate_held(load.ticks, SETTINGS.rate_per_second, first + 1, paused + 7)
    assert not held
    assert held.missing_seconds >= 2
    # Turns that were missed are not made good in a burst: each user takes the one that it slept through and the one
    # that it is late for, and then comes at the rate. All of the 200 that were missed would be 300 in the two seconds.
    sent = sum(resumed <= one.at < resumed + 2 for one in load.requests)
    assert sent <= 2 * settings.users + 2 * settings.rate_per_second + 25
    assert starter.stop(process, timedelta(seconds=0.3)) is Stopped.KILLED
    assert not starter.is_alive(process)


def test_it_ends_by_itself_when_nobody_stops_it(shop, started, tmp_path):
    process = started(tmp_path, replace(SETTINGS, max_duration=SECOND))
    wait_until(lambda: not starter.is_alive(process), 30)
    assert recorded(tmp_path).end == "max_duration"


def test_where_nothing_listens_users_are_refused(tmp_path):
    process = starter.start(tmp_path, f"http://127.0.0.1:{free_port()}", SETTINGS, time.monotonic(), ShopLoad())
    try:
        starter.await_first_request(process, tmp_path, 10 * SECOND)
    finally:
        assert starter.stop(process, 5 * SECOND) is Stopped.ENDED
    assert {(one.status, one.error) for one in recorded(tmp_path).requests} == {(None, "connection refused")}


def test_a_load_that_dies_at_once_is_reported_with_its_log(started, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))  # no interpreter starts with this
    process = started(tmp_path)
    with pytest.raises(LoadNotStarted, match=r"ended before its first request.*Python"):
        starter.await_first_request(process, tmp_path, 10 * SECOND)


def test_a_run_has_one_load(shop, started, tmp_path):
    process = started(tmp_path)
    starter.await_first_request(process, tmp_path, 10 * SECOND)
    with pytest.raises(FileExistsError):
        started(tmp_path)


def test_the_first_request_leaves_soon(shop, started, tmp_path):
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import chaos.load.__main__"], check=True, cwd=Path(__file__).parents[2])
    import_seconds = time.monotonic() - began
    process = started(tmp_path)
    # Measured: 0.45 s, nearly all of it Locust's import, of which a busy machine makes more.
    assert starter.await_first_request(process, tmp_path, 30 * SECOND) < 3 * import_seconds + 2
