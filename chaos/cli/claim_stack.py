"""Our own stack as claims ask for it: with settings of their own, and with single instances beside it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from chaos.cli import stack, undo
from chaos.cli.run import assert_free
from chaos.cli.stack import ROOT, STACK_ERRORS
from chaos.control.of_target import control_of
from chaos.control.port import family
from chaos.errors import InvalidFile, StackUnreachable
from chaos.machine.interrupts import Interrupts
from chaos.spec import target as targets
from chaos.spec.target import Target
from compose import runtime
from compose import settings as stack_settings
from compose.config.programs import service_environment
from compose.native.processes import OWNED_BY
from compose.settings import PASSED_THROUGH, StackSettings
from compose.topology import Topology, port_span

NOT_THE_USERS = ("STORMDRILL_WORKERS", "STORMDRILL_PACE", "STORMDRILL_SHOPS", "STORMDRILL_CONNECTIONS", "RUNTIME")
"""What a user may have set and a claim says itself, beside all that the services read."""
DEFAULTS = {
    "RUNTIME": "native",
    # As the services have them by default; a drill keeps every trace.
    "SHOP_TRACE_SAMPLE_RATIO": "0.1",
    "INVENTORY_TRACE_SAMPLE_RATIO": "0.1",
}
_READY_WITHIN_SECONDS = 60.0
_ENDED_WITHIN_SECONDS = 15.0
_POLL_SECONDS = 0.05
_PORTS_BESIDE = 100
"""Above the stack's own, for instances beside it."""


@dataclass(frozen=True, slots=True)
class OwnInstance:
    """An instance beside the stack; see chaos/claims/stack.py."""

    url: str
    process: subprocess.Popen[bytes]

    @property
    def pids(self) -> list[int]:
        """Its master process, then its workers."""
        children: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            children = psutil.Process(self.process.pid).children()
        return [self.process.pid, *sorted(child.pid for child in children)]


@dataclass(frozen=True, slots=True)
class OwnStack:
    """A stack that is up; see chaos/claims/stack.py."""

    settings: StackSettings
    topology: Topology
    target: Target
    interrupts: Interrupts

    def port(self, name: str) -> int:
        """The main port of a program."""
        return next(program.port for program in self.topology.programs if program.name == name)

    def pids(self, name: str) -> list[int]:
        """Its processes, the leader first."""
        leader = control_of(self.target).states()[name].pid
        return sorted((process.pid for process in family(leader)), key=lambda pid: (pid != leader, pid))

    @contextlib.contextmanager
    def instance(self, role: str, workers: int, environment: Mapping[str, str], app: str = "") -> Iterator[OwnInstance]:
        """One more instance of a role."""
        port, *metrics = self._free_ports(workers + 1)
        prefix = role.upper()
        told = service_environment(self.topology.of_role(role)[0], self.settings, self.topology) | {
            f"{prefix}_INSTANCE": f"{role}-beside",
            f"{prefix}_METRICS_PORTS": f"{metrics[0]}-{metrics[-1]}",
            f"{prefix}_DRAIN_DELAY": "0s",
            # So that `down` finds it whatever became of us.
            OWNED_BY: str(self.settings.state),
            # This checkout's, whichever one the environment was installed from.
            "PYTHONPATH": str(ROOT),
        }
        if dsn := told.get(f"{prefix}_POSTGRES_DSN"):
            # So that Postgres can tell its connections from those of the instance whose way it shares.
            told[f"{prefix}_POSTGRES_DSN"] = dsn.replace("application_name=", "application_name=beside-")
        told |= environment
        command = [
            str(Path(sys.executable).with_name("gunicorn")),
            *(() if app else ("--config", "python:services.kit.lifecycle.gunicorn_conf")),
            *("--worker-class", "asgi", "--workers", str(workers), "--bind", f"127.0.0.1:{port}"),
            *("--no-control-socket", "--graceful-timeout", "2"),
            # More than any claim asks for at once, and kept for longer than it takes to open them.
            *("--worker-connections", "4000", "--keep-alive", "75"),
            app or f"services.{role}.main:create_app()",
        ]
        log = self.settings.state / "logs" / f"{role}-beside-{port}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                command, env=_not_the_users() | told, cwd=ROOT, stdout=out, stderr=out, start_new_session=True
            )
        one = OwnInstance(f"http://127.0.0.1:{port}", process)
        try:
            self._until_ready(one, workers, log)
            yield one
        finally:
            _end(process)

    def _until_ready(self, one: OwnInstance, workers: int, log: Path) -> None:
        deadline = time.monotonic() + _READY_WITHIN_SECONDS
        # Each worker has to answer; which one does is the kernel's choice, so each process has to be there as well.
        while not (_answers(f"{one.url}/readyz") and len(one.pids) == workers + 1):
            if one.process.poll() is not None or time.monotonic() > deadline:
                raise StackUnreachable(f"an instance beside the stack did not come up: {log.read_text()[-800:]}")
            self.interrupts.wait(_POLL_SECONDS)

    def _free_ports(self, number: int) -> list[int]:
        """So many in a row above the stack's own that nobody listens on. Raises StackUnreachable."""
        first = self.settings.port_base + port_span(self.settings)
        for begins in range(first, first + _PORTS_BESIDE - number + 1):
            ports = list(range(begins, begins + number))
            if all(map(_is_free, ports)):
                return ports
        raise StackUnreachable(f"no {number} free ports in a row from {first} to {first + _PORTS_BESIDE}")


@dataclass
class OwnStacks:
    """Brings our own stack up with the settings that a claim wants; see chaos/claims/stack.py."""

    progress: Callable[[str], None]
    interrupts: Interrupts

    @property
    def runs(self) -> Path:
        """Where recordings are."""
        return self._settings({}).runs

    def assert_free(self) -> None:
        """Raises RunInProgress when a run is at work on the stack that would be replaced."""
        assert_free(self._settings({}).state, "end it with Ctrl-C first")

    def up(self, environment: Mapping[str, str]) -> OwnStack:
        """With these settings; left as it is where it has them. Raises StackUnreachable, Interrupted."""
        try:
            settings = self._settings(environment)
            topology = stack.bring_up(self.progress, self.interrupts, settings)
            return OwnStack(settings, topology, targets.read(settings.state / "target.yaml"), self.interrupts)
        except STACK_ERRORS as error:
            raise StackUnreachable(f"the stack cannot be brought up: {error}") from error

    def begin(self) -> None:
        """Take down what was left up; what a run left behind is undone first. Raises StackUnreachable, UndoFailed."""
        state, standing = self._settings({}).state, None
        with contextlib.suppress(InvalidFile):
            standing = targets.read(state / "target.yaml") if (state / "target.yaml").exists() else None
        undo.undo_before_down(state, standing)
        self.down()

    def down(self) -> None:
        """Take down what is up. Raises StackUnreachable."""
        try:
            runtime.down(self._settings({}), self.progress)
        except (*STACK_ERRORS, TimeoutError) as error:
            raise StackUnreachable(f"the stack cannot be taken down: {error}") from error

    @staticmethod
    def _settings(environment: Mapping[str, str]) -> StackSettings:
        return stack_settings.from_environment(_not_the_users() | DEFAULTS | dict(environment))


def _not_the_users() -> dict[str, str]:
    """The environment without what would change what is measured."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in NOT_THE_USERS and not name.startswith(PASSED_THROUGH)
    }


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_ENDED_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
