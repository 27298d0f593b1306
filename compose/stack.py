"""Brings the stack up, takes it down, says what is up: the same for every runtime."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import psycopg

from compose import health, ports, sizing, state_folder
from compose.command import run
from compose.config import connections, programs
from compose.interrupts import NEVER, Interrupts
from compose.manager import Manager, ProcessState
from compose.pace import timing
from compose.settings import ROOT, StackSettings
from compose.state_folder import Mark
from compose.topology import Program, Topology, Wave

READY_WITHIN_SECONDS = 60.0
_SCRAPED_WITHIN_BEATS = 3
"""So much longer Prometheus has to scrape and evaluate, and Alertmanager to tell that it does."""
StackError = state_folder.StackError

Progress = Callable[[str], None]


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


def up(settings: StackSettings, runtime: Runtime, progress: Progress, interrupts: Interrupts = NEVER) -> Topology:
    """Bring the stack up and return once every part is proven healthy.

    A healthy stack with the same settings is left as it is; anything else of ours is cleaned away first, and what a
    signal interrupts is cleaned away as well. Raises StackError after READY_WITHIN_SECONDS for each step, and as much
    longer as Prometheus takes at this pace.
    """
    for notice in runtime.notices():
        progress(f"note: {notice}")
    topology = runtime.topology()
    if refusal := connections.refusal(settings, topology) or sizing.refusal(settings, apart=topology.apart):
        raise StackError(refusal)
    with state_folder.locked(settings.state):
        if _is_up(settings, runtime, interrupts):
            progress("already up and healthy")
            return topology
        _clean(settings, runtime, progress)
        if taken := ports.taken(topology.all_ports()):
            raise StackError("\n".join([*taken, "end its owner, or move the whole stack: STORMDRILL_PORT_BASE=<port>"]))
        try:
            _begin(settings, runtime, topology, progress, interrupts)
        finally:
            if interrupts.arrived:
                _clean(settings, runtime, progress)
                interrupts.check()
    return topology


def down(settings: StackSettings, runtime: Runtime, progress: Progress) -> bool:
    """End every process of the stack and remove its state folder; recordings stay.

    Returns whether there was anything. Raises StackError when a process or port outlives it.
    """
    if not settings.state.exists():
        return False
    with state_folder.locked(settings.state):
        _clean(settings, runtime, progress)
    return True


@contextlib.contextmanager
def whole_stack(settings: StackSettings, runtime: Runtime) -> Iterator[Topology]:
    """Keep `up` and `down` away while something is done to a stack that is up and well.

    Raises StackError when it is not, or when one of the two is at work.
    """
    topology = runtime.topology()
    if not settings.state.exists():
        raise StackError("the stack is not up; `make up` brings it up")
    with state_folder.locked(settings.state):
        if _is_old(settings):
            raise StackError("the stack was brought up by an earlier release; `make up` replaces it")
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


def _mark(settings: StackSettings, runtime: Runtime) -> Mark:
    return Mark(runtime.name, settings.fingerprint())


def _is_old(settings: StackSettings) -> bool:
    mark = state_folder.mark_of(settings.state)
    return mark is not None and mark.version < state_folder.VERSION


def _is_up(settings: StackSettings, runtime: Runtime, interrupts: Interrupts) -> bool:
    if state_folder.mark_of(settings.state) != _mark(settings, runtime):
        return False
    with interrupts.at_once():
        return runtime.manager.answers() and not health.failures(health.everything(runtime.topology()))


def _clean(settings: StackSettings, runtime: Runtime, progress: Progress) -> None:
    if _is_old(settings):
        progress("taking down the stack of an earlier release")
    try:
        runtime.end_all(progress)
        state_folder.empty(settings.state)
    except OSError as error:
        raise StackError(f"the stack cannot be taken down whole: {error}; `make down` tries again") from error


def _begin(
    settings: StackSettings, runtime: Runtime, topology: Topology, progress: Progress, interrupts: Interrupts
) -> None:
    try:
        interrupts.check()
        state_folder.write_mark(settings.state, _mark(settings, runtime))
        runtime.prepare(topology, progress)
        _start(settings, runtime, topology, progress, interrupts)
    except (health.NeverReady, subprocess.SubprocessError, psycopg.Error, OSError) as error:
        raise StackError(f"the stack did not come up: {_explain(error)}\nlogs: {settings.state / 'logs'}") from error


def _start(
    settings: StackSettings, runtime: Runtime, topology: Topology, progress: Progress, interrupts: Interrupts
) -> None:
    runtime.start_manager()
    runtime.start_wave(topology, Wave.BACKING)
    _wait(settings, health.backing(topology), progress, interrupts)
    runtime.form_cluster(topology)
    _migrate(settings, topology.from_outside(), interrupts)
    _wait(settings, health.redis_cluster(topology), progress, interrupts)
    runtime.start_wave(topology, Wave.SERVICES)
    runtime.start_wave(topology, Wave.FRONT)
    _wait(settings, health.services(topology) + health.front(topology), progress, interrupts)


def _migrate(settings: StackSettings, topology: Topology, interrupts: Interrupts) -> None:
    for role in ("shop", "inventory"):
        env = programs.service_environment(topology.of_role(role)[0], settings, topology)
        run((sys.executable, "-m", f"services.{role}.migrate"), env=env, cwd=ROOT, interrupts=interrupts)


def _wait(settings: StackSettings, probes: list[health.Probe], progress: Progress, interrupts: Interrupts) -> None:
    last = time.monotonic()

    def waiting(missing: Mapping[str, str]) -> None:
        nonlocal last
        interrupts.check()
        if time.monotonic() - last > 2:
            last = time.monotonic()
            progress(f"waiting for {', '.join(missing)}")

    interrupts.check()
    patience = READY_WITHIN_SECONDS + _SCRAPED_WITHIN_BEATS * timing.at(settings.pace).beat.total_seconds()
    health.wait_for(probes, time.monotonic() + patience, waiting)


def _explain(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"{' '.join(map(str, error.cmd[:3]))}… failed: {(error.stderr or error.stdout).strip()[-800:]}"
    if isinstance(error, subprocess.TimeoutExpired):
        return (
            f"{' '.join(map(str, error.cmd[:3]))}… took longer than {error.timeout:g} s; try again, or run it by hand"
        )
    return str(error)
