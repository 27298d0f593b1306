"""A signal at every line of `restart`: no instance stays down, whatever ended too late or did not answer."""

import os
import signal
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from chaos.errors import Interrupted
from chaos.machine.interrupts import Interrupts
from compose import health, history, rolling, stack
from compose.manager import Manager
from compose.native import processes
from compose.native.supervisor import Supervisor
from compose.topology import Program, Topology, Wave
from tests.component.supervised import supervised
from tests.failpoints import from_there_on, handlers_kept, once_at, watched
from tests.ports import free_port
from tests.waiting import until

LAUNCHER = Path(processes.__file__).with_name("launch.sh")
_READY = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""


@pytest.fixture(autouse=True)
def goes_on():
    with handlers_kept():
        yield


def listening() -> Interrupts:
    interrupts = Interrupts()
    interrupts.listen()
    return interrupts


def outcome(do) -> str:
    try:
        do()
    except Interrupted:
        return "interrupted"
    return "done"


@dataclass
class Instances:
    """Two instances below a supervisord, and a page that says of both that HAProxy uses them, as the real one does.

    That the real one is asked rightly is test_rolling_restart's.
    """

    topology: Topology
    manager: Supervisor

    def pids(self) -> list[int]:
        rows = {row.name: row.pid for row in self.manager.processes()}
        return [rows[program.name] for program in self.topology.programs]

    def serve(self) -> bool:
        return all(health.ready(program).failure() is None for program in self.topology.programs)

    def restart(self, manager: Manager | None = None) -> None:
        """As the command does it, with its own seam."""
        programs, managed = self.topology.programs, manager or self.manager
        rolling.one_after_the_other(programs, self.topology, managed, lambda _: None, listening())


@pytest.fixture(scope="module")
def instances(tmp_path_factory):
    names = ("alertmanager", "prometheus")  # whom history.py stops
    ports = {name: free_port() for name in names}

    class Used(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            lines = [f'haproxy_server_status{{proxy="p",server="{name}",state="UP"}} 1\n' for name in names]
            self.wfile.write("".join(lines).encode())

        def log_message(self, *_):
            pass

    folder = tmp_path_factory.mktemp("instances")
    with ExitStack() as stack:
        page = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Used))
        threading.Thread(target=page.serve_forever, daemon=True).start()
        stack.callback(page.shutdown)
        stack.enter_context(supervised(folder, *names, server=_READY, arguments=ports))
        programs = tuple(Program(name, "shop", (ports[name],), Wave.SERVICES) for name in names)
        topology = Topology(programs, (), inventory_front=0, haproxy_metrics=page.server_port)
        found = Instances(topology, Supervisor(folder / "s.sock"))
        until(found.serve)
        yield found


def test_a_restart_that_is_interrupted_at_any_line_leaves_no_instance_down(instances):
    places = []
    with watched((rolling,), places.append):
        instances.restart()
    for place in dict.fromkeys(places):
        before = instances.pids()
        with watched((rolling,), once_at(place)):
            ended = outcome(instances.restart)
        after = instances.pids()
        until(instances.serve)
        assert 0 not in after, place
        renewed = [old != new for old, new in zip(before, after, strict=True)]
        # In their order, and the one after the instance in hand is not touched.
        assert renewed in ([[False, False], [True, False]] if ended == "interrupted" else [[True, True]]), place


def test_a_hail_of_signals_is_no_different(instances):
    before = instances.pids()
    with watched((rolling,), from_there_on(("rolling.py", rolling._restart.__code__.co_firstlineno + 1))):
        assert outcome(instances.restart) == "interrupted"
    until(instances.serve)
    assert instances.pids()[0] not in (0, before[0])
    assert instances.pids()[1] == before[1]


class Unsure(Supervisor):
    """Does what it is told, and its answer is lost."""

    def stop(self, name: str) -> None:
        super().stop(name)
        raise OSError("timed out")


def test_an_instance_whose_stop_was_not_answered_is_started_again(instances):
    before = instances.pids()
    with pytest.raises(OSError, match="timed out"):
        instances.restart(Unsure(instances.manager._socket_path))
    until(instances.serve)
    assert instances.pids()[0] not in (0, before[0])
    assert instances.pids()[1] == before[1]


def test_an_instance_that_ends_too_late_is_started_again(instances, monkeypatch):
    # It ends at once; that it does is what nobody sees.
    monkeypatch.setattr(rolling, "state_of", lambda *_: SimpleNamespace(pid=1))
    monkeypatch.setattr(rolling, "STOPPED_WITHIN_SECONDS", 0.2)
    before = instances.pids()
    with pytest.raises(stack.StackError, match="to end"):
        instances.restart()
    until(instances.serve)
    assert instances.pids()[0] not in (0, before[0])


def test_alerting_is_started_again_when_its_past_cannot_be_replaced(instances):
    before, down = instances.pids(), []

    def fail():
        down.extend(instances.pids())
        raise RuntimeError

    with pytest.raises(RuntimeError), history.stopped(instances.manager, deadline=float("inf")):
        fail()
    assert down == [0, 0]
    until(instances.serve)
    assert not {0, *before} & set(instances.pids())


def test_alerting_that_ends_too_late_is_started_again(instances):
    """Whoever is asked to start while it still ends is not started, and nothing says so."""
    before = instances.pids()
    for pid in before:
        os.kill(pid, signal.SIGSTOP)  # what it is told meanwhile waits
    awake = threading.Timer(0.5, lambda: [os.kill(pid, signal.SIGCONT) for pid in before])
    awake.start()
    with pytest.raises(TimeoutError), history.stopped(instances.manager, deadline=0.0):
        pass
    awake.join()
    until(instances.serve)
    assert not {0, *before} & set(instances.pids())


@pytest.mark.stack
def test_the_page_of_the_instances_is_what_haproxy_shows(stack, instances):
    """The one thing that stands in for a real server here."""
    [mine, *_] = httpx.get(f"http://127.0.0.1:{instances.topology.haproxy_metrics}/metrics").text.splitlines()
    wanted = mine.replace('proxy="p",server="alertmanager"', 'proxy="shop",server="shop-1"')
    url = f"http://127.0.0.1:{stack.topology.haproxy_metrics}/metrics"
    until(lambda: wanted in httpx.get(url).text.splitlines())
