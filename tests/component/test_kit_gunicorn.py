"""A service under gunicorn: it starts completely or not at all, and stops without dropping a request."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.ports import free_port
from tests.waiting import until

ROOT = Path(__file__).parents[2]
GUNICORN = Path(sys.executable).with_name("gunicorn")
# Start-up takes about a second; this is for a busy machine.
STARTS_WITHIN_SECONDS = 20.0
# Long beside a busy machine's delays, as requests must come while it lasts.
DRAIN_SECONDS = 3.0
# Twice the drain delay at most, up to a second until the worker looks up, and the exit itself; who waits for an idle
# connection does so for ten seconds more.
STOPS_WITHIN_SECONDS = 12.0


@pytest.fixture
def metrics_port():
    return free_port()


@pytest.fixture
def command(tmp_path, metrics_port):
    """Command and environment of a pager, which needs no other server."""
    environment = os.environ | {
        "PAGER_INSTANCE": "pager",
        "PAGER_METRICS_PORTS": str(metrics_port),
        "PAGER_JOURNAL": str(tmp_path / "journal"),
        "PAGER_DRAIN_DELAY": f"{DRAIN_SECONDS}s",
    }
    port = free_port()
    conf = ROOT / "services/kit/lifecycle/gunicorn_conf.py"
    arguments = [GUNICORN, "-c", conf, "-k", "asgi", "--bind", f"127.0.0.1:{port}"]
    return port, [*arguments, "services.pager.main:create_app()"], environment


@contextmanager
def started(arguments, environment, log):
    with log.open("wb") as stderr:
        process = subprocess.Popen(arguments, env=environment, cwd=ROOT, stderr=stderr, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ready(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def pager(command, tmp_path):
    port, arguments, environment = command
    with started(arguments, environment, tmp_path / "log") as process:
        until(lambda: ready(port))
        yield port, process


def worker(process):
    (child,) = psutil.Process(process.pid).children()
    return child


def test_sigterm_drains_and_does_not_wait_for_idle_connections(pager):
    port, process = pager
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as idle:
        idle.get("/deadman")
        began = time.monotonic()
        process.terminate()
        # New connections are still taken, refused by the health check, and served.
        until(lambda: httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 503, DRAIN_SECONDS)
        last = httpx.get(f"http://127.0.0.1:{port}/deadman")
        assert (last.status_code, last.headers["connection"]) == (200, "close")
        assert process.wait(STOPS_WITHIN_SECONDS) == 0
        assert DRAIN_SECONDS <= time.monotonic() - began < STOPS_WITHIN_SECONDS


def test_a_killed_worker_is_replaced_and_finds_its_metrics_port_again(pager, metrics_port):
    port, process = pager
    first = worker(process)
    first.kill()
    until(lambda: not first.is_running() and ready(port))
    assert "app_ready 1.0" in httpx.get(f"http://127.0.0.1:{metrics_port}/metrics").text
    assert worker(process).pid != first.pid


def test_a_worker_does_not_outlive_its_arbiter(pager):
    _, process = pager
    orphan = worker(process)
    process.kill()
    process.wait()
    until(lambda: not orphan.is_running(), seconds=2 * STOPS_WITHIN_SECONDS)


def test_metrics_are_openmetrics_with_every_result_at_zero(pager, metrics_port):
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    response = httpx.get(f"http://127.0.0.1:{metrics_port}/metrics", headers=accept)
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert 'pager_deliveries_total{receiver="fallback",result="refused"} 0.0' in response.text
    assert "pager_deadman_alive 0.0" in response.text


def test_without_a_free_metrics_port_it_does_not_serve_and_says_why(command, metrics_port, tmp_path):
    _, arguments, environment = command
    with (
        socket.create_server(("127.0.0.1", metrics_port)),
        started(arguments, environment, tmp_path / "log") as process,
    ):
        assert process.wait(STARTS_WITHIN_SECONDS) != 0
    assert f"no free port for metrics in {metrics_port}" in (tmp_path / "log").read_text()


def test_a_second_pager_does_not_write_to_the_same_journal(pager, command, tmp_path):
    _, arguments, environment = command
    environment = environment | {"PAGER_METRICS_PORTS": str(free_port())}
    arguments = [f"127.0.0.1:{free_port()}" if str(part).startswith("127.0.0.1:") else part for part in arguments]
    with started(arguments, environment, tmp_path / "second") as process:
        assert process.wait(STARTS_WITHIN_SECONDS) != 0
    assert "kept by another process" in (tmp_path / "second").read_text()


def test_a_missing_setting_is_named(command, tmp_path):
    _, arguments, environment = command
    environment = {name: value for name, value in environment.items() if name != "PAGER_JOURNAL"}
    with started(arguments, environment, tmp_path / "log") as process:
        assert process.wait(STARTS_WITHIN_SECONDS) != 0
    assert "PAGER_JOURNAL" in (tmp_path / "log").read_text()
