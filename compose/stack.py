"""Brings the stack up, takes it down, says what is up: the same for every runtime."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import psycopg

from compose import connections, health, ports, programs
from compose.manager import Manager, ProcessState
from compose.settings import ROOT, StackSettings
from compose.topology import Program, Topology, Wave

READY_WITHIN_SECONDS = 60.0
_MARK = "stormdrill-stack"

Progress = Callable[[str], None]


class StackError(Exception):
    """The stack could not be brought up or down; the message says why and what to do next."""


class Runtime(Protocol):
    """What runs the programs of one stack: processes of this machine, or containers."""

    @property
    def name(self) -> str:
        """`native` or `compose`."""

    @property
    def manager(self) -> Manager:
        """Who starts and stops its programs."""

    def topology(self) -> Topology:
        """What this runtime can run of the stack, as its parts reach each other."""

    def notices(self) -> list[str]:
        """One line for each optional part that is left out."""

    def end_all(self, progress: Progress) -> None:
        """End every process that belongs to the stack, whoever started it. Raises StackError when one outlives it."""

    def prepare(self, topology: Topology, progress: Progress) -> None:
        """Write what the programs need before they start."""

    def start_manager(self) -> None:
        """Have the manager answer. Raises StackError."""

    def start_wave(self, topology: Topology, wave: Wave) -> None:
        """Ask for all programs of a wave to start."""

    def form_cluster(self, topology: Topology) -> None:
        """Make one Redis Cluster of the nodes."""


def up(settings: StackSettings, runtime: Runtime, progress: Progress) -> Topology:
    """Bring the stack up and return once every part is proven healthy.

    A healthy stack with the same settings is left as it is; anything else of ours is cleaned away first.
    Raises StackError after READY_WITHIN_SECONDS for each step.
    """
    for notice in runtime.notices():
        progress(f"note: {notice}")
    topology = runtime.topology()
    if refusal := connections.refusal(settings, topology):
        raise StackError(refusal)
    with _locked(settings.state):
        if _is_up(settings, runtime):
            progress("already up and healthy")
            return topology
        _clean(settings, runtime, progress)
        if taken := ports.taken(topology.all_ports()):
            raise StackError("\n".join([*taken, "end its owner, or move the whole stack: STORMDRILL_PORT_BASE=<port>"]))
        try:
            (settings.state / _MARK).write_text(_mark(settings, runtime))
            runtime.prepare(topology, progress)
            _start(settings, runtime, topology, progress)
        except (health.NeverReady, subprocess.SubprocessError, psycopg.Error, OSError) as error:
            raise StackError(
                f"the stack did not come up: {_explain(error)}\nlogs: {settings.state / 'logs'}"
            ) from error
    return topology


def down(settings: StackSettings, runtime: Runtime, progress: Progress) -> bool:
    """End every process of the stack and remove its state folder; recordings stay.

    Returns whether there was anything. Raises StackError when a process or port outlives it.
    """
    if not settings.state.exists():
        return False
    with _locked(settings.state):
        _clean(settings, runtime, progress)
        shutil.rmtree(settings.state)
    return True


def is_up(settings: StackSettings, runtime: Runtime) -> bool:
    """Whether this stack's process manager answers and every part of the stack is healthy."""
    return _is_up(settings, runtime)


@contextlib.contextmanager
def whole_stack(settings: StackSettings, runtime: Runtime) -> Iterator[Topology]:
    """Keep `up` and `down` away while something is done to a stack that is up and well.

    Raises StackError when it is not, or when one of the two is at work.
    """
    topology = runtime.topology()
    if not settings.state.exists():
        raise StackError("the stack is not up; `make up` brings it up")
    with _locked(settings.state):
        if not runtime.manager.answers():
            raise StackError("the stack is not up; `make up` brings it up")
        if unwell := health.failures([*health.services(topology), health.haproxy(topology)]):
            raise StackError(f"the stack is not well: {'; '.join(f'{name}: {why}' for name, why in unwell.items())}")
        yield topology


def status(
    settings: StackSettings, runtime: Runtime
) -> tuple[list[tuple[Program, ProcessState | None]], dict[str, str]]:
    """Each program with its process state (None: not running), and what fails its proof, with the reason."""
    topology, manager = runtime.topology(), runtime.manager
    states = {row.name: row for row in manager.processes()} if settings.state.exists() and manager.answers() else {}
    rows = [(program, states.get(program.name)) for program in topology.programs]
    return rows, health.failures(health.everything(topology)) if states else {"stack": "not up"}


def runtime_of(state: Path) -> str:
    """The name of the runtime that the stack in this folder was brought up with; empty where there is none."""
    try:
        return (state / _MARK).read_text().partition(" ")[0]
    except FileNotFoundError:
        return ""


def run(argv: tuple[str, ...], env: Mapping[str, str] | None = None, cwd: Path | None = None, told: str = "") -> str:
    """Run a command to its end, a minute at most, and give what it printed; `told` is its standard input.

    Raises CalledProcessError.
    """
    settings = os.environ | dict(env or {})
    return subprocess.run(
        argv, check=True, capture_output=True, text=True, timeout=60, cwd=cwd, env=settings, input=told
    ).stdout


def _mark(settings: StackSettings, runtime: Runtime) -> str:
    return f"{runtime.name} {settings.fingerprint()}"


def _is_up(settings: StackSettings, runtime: Runtime) -> bool:
    mark = settings.state / _MARK
    if not mark.exists() or mark.read_text() != _mark(settings, runtime):
        return False
    return runtime.manager.answers() and not health.failures(health.everything(runtime.topology()))


@contextlib.contextmanager
def _locked(state: Path) -> Iterator[None]:
    # The lock is on the folder itself, so that it leaves no file; 0711 lets Postgres's user pass through.
    if state.exists() and any(state.iterdir()) and not (state / _MARK).exists():
        raise StackError(f"{state} is not a stack's state folder; set STORMDRILL_STATE to an empty or new one")
    state.mkdir(mode=0o711, parents=True, exist_ok=True)
    if state.stat().st_uid != os.getuid():
        raise StackError(f"{state} belongs to another user; set STORMDRILL_STATE")
    state.chmod(0o711)
    descriptor = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise StackError(f"another `up` or `down` is at work in {state}; wait for it") from error
    finally:
        os.close(descriptor)


def _clean(settings: StackSettings, runtime: Runtime, progress: Progress) -> None:
    runtime.end_all(progress)
    for child in settings.state.iterdir():
        shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()


def _start(settings: StackSettings, runtime: Runtime, topology: Topology, progress: Progress) -> None:
    runtime.start_manager()
    runtime.start_wave(topology, Wave.BACKING)
    _wait(health.backing(topology), progress)
    runtime.form_cluster(topology)
    _migrate(settings, topology.from_outside())
    _wait(health.redis_cluster(topology), progress)
    runtime.start_wave(topology, Wave.SERVICES)
    runtime.start_wave(topology, Wave.FRONT)
    _wait(health.services(topology) + health.front(topology), progress)


def _migrate(settings: StackSettings, topology: Topology) -> None:
    for role in ("shop", "inventory"):
        env = programs.service_environment(topology.of_role(role)[0], settings, topology)
        run((sys.executable, "-m", f"services.{role}.migrate"), env=env, cwd=ROOT)


def _wait(probes: list[health.Probe], progress: Progress) -> None:
    last = time.monotonic()

    def waiting(missing: Mapping[str, str]) -> None:
        nonlocal last
        if time.monotonic() - last > 2:
            last = time.monotonic()
            progress(f"waiting for {', '.join(missing)}")

    health.wait_for(probes, time.monotonic() + READY_WITHIN_SECONDS, waiting)


def _explain(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"{' '.join(map(str, error.cmd[:3]))}… failed: {(error.stderr or error.stdout).strip()[-800:]}"
    if isinstance(error, subprocess.TimeoutExpired):
        return (
            f"{' '.join(map(str, error.cmd[:3]))}… took longer than {error.timeout:g} s; try again, or run it by hand"
        )
    return str(error)
