"""All instances are replaced under load and nobody notices; without draining, somebody does."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from compose.settings import ROOT
from tests.component.balancer import haproxy
from tests.component.steady_load import steady_load
from tests.ports import free_port
from tests.waiting import until

# supervisord grants a process group six before it kills it; whether it drains is another matter than how soon.
STOP_WAIT_SECONDS = 15
# The drill's rate. An instance that starts takes a core for three seconds, and on two cores, this test's own load among
# what runs on them, 75 a second left orders with a late body too little of their deadline in two of nine runs.
PER_SECOND = 50
# Longer than the drain delay; of the deadline of 3 s it leaves the order itself more than a second.
LATE_SECONDS = 1.75
OF_TIME = ("deadline-exceeded", "too-little-time")


async def shopper(client, number):
    """Product reads, orders with a key, and orders whose body is late."""
    if number % 4:
        return await client.get(f"/products/sku-{number % 1000 + 1:04d}")
    body = json.dumps({"sku": f"sku-{number % 900 + 1:04d}", "quantity": 1}).encode()
    headers = {"idempotency-key": f"rolling-{uuid4()}", "content-type": "application/json"}
    if number % 12:
        return await client.post("/orders", content=body, headers=headers)
    # In flight at its instance for longer than the drain delay.
    return await client.post("/orders", content=late(body), headers=headers | {"content-length": str(len(body))})


async def late(body):
    yield body[:5]
    await asyncio.sleep(LATE_SECONDS)
    yield body[5:]


@pytest.mark.stack
@pytest.mark.slow
def test_a_rolling_restart_of_all_instances_loses_no_request(stack):
    before = worker_pids(stack)
    with steady_load(stack.url("shop"), PER_SECOND, shopper) as load:
        until(lambda: load.sent > PER_SECOND)
        code, output = stack.command("restart")
        until(lambda: load.sent >= 1_500, seconds=60)
    assert code == 0, output
    assert [line for line in output.splitlines() if "shop-2: ended" in line], output
    assert before.keys() == worker_pids(stack).keys()
    assert not set(before.values()) & set(worker_pids(stack).values()), "an instance was not restarted"
    # One that a server which is there has told that its three seconds are over was not lost: the machine was slow.
    late = [refusal for refusal in load.refusals if any(f"problem:{kind}" in refusal for kind in OF_TIME)]
    assert load.failed == len(late), (load.outcomes, load.refusals)
    assert len(late) < 0.002 * load.sent, late


def worker_pids(stack):
    rows = [
        line.split() for line in stack.command("status")[1].splitlines() if line.startswith(("shop-", "inventory-"))
    ]
    return {row[0]: row[4] for row in rows}


@pytest.mark.stack
def test_an_interrupted_restart_ends_when_the_instance_in_hand_serves_again(stack):
    """Whole, at one moment; test_signals sends a signal at each."""
    before = worker_pids(stack)
    process = stack.start("restart")
    # The first instance has been asked to end.
    until(lambda: not serves(stack, "inventory-1"))
    for number in (signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "SIGTERM: the instance in hand is brought back, the others are not touched" in output
    assert "1 of 5 instances restarted" in output
    assert serves(stack, "inventory-1")
    after = worker_pids(stack)
    assert {name for name in before if before[name] != after[name]} == {"inventory-1"}


def serves(stack, name):
    try:
        return httpx.get(f"{stack.instance_url(name)}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_restart_is_refused_when_the_stack_is_not_up(tmp_path):
    environment = os.environ | {"STORMDRILL_STATE": str(tmp_path / "none")}
    command = (sys.executable, "-m", "chaos", "restart")
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "the stack is not up; `make up` brings it up" in done.stderr
    assert not (tmp_path / "none").exists()


@dataclass
class Gunicorn:
    """One instance of the slow service under gunicorn, as the stack runs the shop."""

    name: str
    drain: str
    folder: Path
    port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None

    def start(self):
        environment = os.environ | {
            "SLOW_INSTANCE": self.name,
            "SLOW_METRICS_PORTS": str(self.metrics_port),
            "SLOW_DRAIN": self.drain,
        }
        gunicorn = Path(sys.executable).with_name("gunicorn")
        conf = ROOT / "services/kit/lifecycle/gunicorn_conf.py"
        command = (
            gunicorn,
            "-c",
            conf,
            "--bind",
            f"127.0.0.1:{self.port}",
            "tests.component.slow_service:create_app()",
        )
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=log, start_new_session=True)
        until(self.ready, seconds=30)

    def ready(self):
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self):
        """As supervisord does it."""
        self.process.terminate()
        try:
            self.process.wait(STOP_WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


async def maker(client, number):
    """Requests that must not be sent twice; every third is in flight for a while."""
    return await client.post("/things", params={"seconds": 0.0 if number % 3 else 0.3})


ALONE = {"SHOP_LB_RETRIES": "off", "SHOP_SLOW_START": "off"}


def restart_both_under_load(tmp_path, drain):
    """Replace two instances one after the other; what the load saw, and HAProxy's count of refused connections.

    HAProxy's retries are off: a connection that is refused it would otherwise open to the other instance. Slow start
    is off: an instance that has just returned takes less than this load sends, and HAProxy turns the rest away at once.
    """
    instances = [Gunicorn(f"shop-{number}", drain, tmp_path) for number in (1, 2)]
    with ExitStack() as stack:
        for one in instances:
            stack.callback(one.kill)
            one.start()
        balancer = stack.enter_context(haproxy(tmp_path, [one.port for one in instances], **ALONE))
        with steady_load(balancer.url, 150, maker) as load:
            until(lambda: load.sent > 150)
            for one in instances:
                one.stop()
                one.start()
                until(lambda name=one.name: balancer.up(name))
        trouble = sum(
            balancer.metric(f"haproxy_server_{kind}_total", one.name)
            for one in instances
            for kind in ("connection_errors", "response_errors", "retry_warnings", "redispatch_warnings")
        )
    return load, trouble


@pytest.mark.slow
def test_draining_loses_no_request_that_must_not_be_sent_twice(tmp_path):
    load, trouble = restart_both_under_load(tmp_path, "on")
    said = "".join(file.read_text() for file in sorted(tmp_path.glob("*.log")))
    assert (load.failed, trouble) == (0, 0), f"{load.outcomes} {set(load.refusals)}\n{said}"


@pytest.mark.slow
def test_without_draining_requests_are_refused_or_cut(tmp_path):
    load, trouble = restart_both_under_load(tmp_path, "off")
    assert load.failed > 0, load.outcomes
    assert trouble > 0
