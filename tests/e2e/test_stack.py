"""The stack as its user meets it: up twice, a taken port, a malformed experiment, and nothing left after down."""

import dataclasses
import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import psutil
import psycopg
import pytest

from compose import ports, runtime
from compose.config.connections import pool_size
from compose.config.programs import postgres_dsn
from compose.native import processes
from compose.settings import ROOT, from_environment
from compose.topology import build
from tests.e2e.conftest import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture(scope="module", autouse=True)
def well_again(stack):
    """These tests take the stack down themselves; the next file finds it up."""
    yield
    runtime.up(stack.settings, print)


def of_two(stack):
    """The same stack with two workers an instance."""
    return dataclasses.replace(stack, environment=stack.environment | {"STORMDRILL_WORKERS": "2"})


def test_up_twice_is_harmless(stack, supervisor):
    before = {row.name: row.pid for row in supervisor.processes()}
    code, output = stack.command("up")
    assert code == 0, output
    assert {row.name: row.pid for row in supervisor.processes()} == before


def test_what_up_says_can_be_looked_at_answers(stack):
    _, output = stack.command("up")
    pages, _, apis = output.partition("to look at in a browser:")[2].partition("to ask with curl:")
    named = re.compile(r"^  [a-z]+ +(http://\S+)", re.MULTILINE)
    assert len(named.findall(apis)) == 7
    assert [url for url in named.findall(apis) if not httpx.get(url).is_success] == []
    looked = {url: httpx.get(url, follow_redirects=True).text for url in named.findall(pages)}
    assert looked
    assert not [url for url, text in looked.items() if "<script" not in text], looked


def well(stack):
    """What `status` says when nothing is amiss; a busy machine may keep one of its many questions waiting."""
    said = []

    def look():
        said.append(stack.command("status"))
        return said[-1][0] == 0

    wait_until(look, 60, "the stack to be well")
    return said[-1][1]


def test_status_names_what_is_up(stack):
    output = well(stack)
    assert "every part is proven healthy" in output
    assert all(program.name in output for program in stack.topology.programs)


def test_a_malformed_experiment_touches_nothing(stack, experiment, supervisor):
    before = {row.name: row.pid for row in supervisor.processes()}
    experiment.write_text(experiment.read_text().replace("instance: shop-2,", "instance: shop-9,"))
    code, output = stack.command("run", experiment)
    assert code == 2
    assert f"{experiment}:3: fault.instance: unknown instance shop-9" in output
    assert {row.name: row.pid for row in supervisor.processes()} == before


def as_of_an_earlier_release(stack):
    """Its mark named no version, and its target file is not understood."""
    (stack.settings.state / "stormdrill-stack").write_text(f"native {stack.settings.fingerprint()}")
    stack.target.write_text("template: 0\n")


def test_up_cleans_what_a_crash_left(stack, supervisor):
    supervisord = int((stack.settings.state / "supervisord.pid").read_text())
    orphans = {row.pid for row in supervisor.processes() if row.pid}
    os.kill(supervisord, signal.SIGKILL)
    wait_until(lambda: not supervisor.answers(), 20, "supervisord to be gone")
    as_of_an_earlier_release(stack)
    code, output = of_two(stack).command("up")
    assert code == 0, output
    assert "taking down the stack of an earlier release" in output
    left = {process.pid for process in processes.ours(stack.settings.state)}
    assert not orphans & left
    well(of_two(stack))


def test_instances_of_two_workers_hold(stack, experiment, supervisor):
    """On the stack that the test before has left: no other is to be brought up for it."""
    before = {row.name: row.pid for row in supervisor.processes()}
    two = of_two(stack)
    code, output = two.command("run", experiment)
    assert code == 0, output
    changed = {row.name for row in supervisor.processes() if row.pid != before[row.name]}
    assert changed <= {"shop-2", "prometheus", "alertmanager"}, "it was another stack"
    # Ten processes whose pools are full from the start; one that was given up is being replaced.
    full = (10 * pool_size(from_environment(two.environment), stack.topology),)
    wait_until(lambda: taken(stack) == full, 20, f"{full} connections")


def test_five_shops_share_the_users_and_one_of_them_is_not_missed(stack, experiment):
    five = dataclasses.replace(stack, environment=stack.environment | {"STORMDRILL_SHOPS": "5"})
    code, output = five.command("up")
    assert code == 0, output
    well(five)
    served = set()

    def all_have_served():
        # Past HAProxy's cache; which instance answers is HAProxy's choice.
        answer = httpx.get(f"{stack.url('shop')}/products/sku-0001", headers={"cache-control": "no-cache"})
        served.add(answer.headers["x-served-by"])
        return served >= {f"shop-{number}" for number in range(1, 6)}

    wait_until(all_have_served, 20, "each of five shops to serve")
    code, output = five.command("run", experiment)
    assert code == 0, output


def taken(stack):
    with psycopg.connect(postgres_dsn(stack.topology, stack.topology.one("postgres").port)) as connection:
        return connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^(shop|inventory)-[0-9]$'"
        ).fetchone()


def test_down_leaves_nothing_but_the_recordings_whoever_is_impatient(stack):
    down = stack.start("down")
    assert down.stdout.readline().strip() == "stopping the stack"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        down.send_signal(number)
    output, _ = down.communicate(timeout=120)
    assert down.returncode == 0, output
    assert "SIGINT: `down` goes on to its end" in output
    assert nothing_is_left(stack)
    assert stack.settings.runs.exists()
    assert stack.command("down") == (0, "nothing was up\n")


def nothing_is_left(stack):
    state = stack.settings.state
    return not processes.ours(state) and not ports.taken(build(stack.settings).all_ports()) and not state.exists()


def test_an_interrupted_up_leaves_nothing(stack):
    """Whole, at one moment, the signals sent as a terminal does it; test_signals sends one at every line."""
    up = subprocess.Popen(
        (sys.executable, "-m", "chaos", "up"),
        env=stack.environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    ledger = stack.settings.state / "processes"
    wait_until(lambda: ledger.exists() and " haproxy\n" in ledger.read_text(), 90, "HAProxy to be started")
    for _ in range(2):
        os.killpg(up.pid, signal.SIGINT)
    output, _ = up.communicate(timeout=90)
    assert (up.returncode, "Traceback" in output) == (130, False), output
    assert "ending what was started" in output
    assert nothing_is_left(stack)


def test_a_taken_port_is_reported_with_its_owner(stack):
    port = stack.topology.one("prometheus").port
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        code, output = stack.command("up")
    assert code == 2
    assert f"port {port} (for prometheus) is taken by {psutil.Process().name()} (pid {os.getpid()}" in output
    assert processes.ours(stack.settings.state) == []


def test_a_missing_program_is_one_line(stack, tmp_path):
    empty = {"PATH": str(tmp_path), "STORMDRILL_CACHE": str(tmp_path)}
    command = (sys.executable, "-m", "chaos", "up")
    done = subprocess.run(
        command, env=stack.environment | empty, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 2
    assert "toxiproxy-server: not found, run `make setup` to build it" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_cannot_be_used_are_named(stack):
    broken = stack.environment | {"STORMDRILL_PORT_BASE": "eighteen"}
    with pytest.raises(ValueError, match="STORMDRILL_PORT_BASE: 'eighteen'"):
        runtime.down(from_environment(broken), print)
