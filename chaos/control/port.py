"""What the attacker can do to the processes of a stack, whoever manages them."""

import contextlib
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import msgspec
import psutil

from chaos.errors import FaultFailed, SignalUnavailable

UNKNOWN = "UNKNOWN"
"""The state of an instance of which nobody can say anything just now. It is neither up nor down."""


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One instance as its process manager and the kernel see it."""

    state: str
    """The manager's word, such as RUNNING or STOPPED, or UNKNOWN."""
    pid: int
    """The leader of its process group, a process of this machine; 0 while it does not run, or where it is not known."""
    why: str = ""
    """Of an UNKNOWN one, why nobody can say."""

    def __str__(self) -> str:
        return f"{self.state} ({self.why})" if self.why else self.state

    @property
    def running(self) -> bool:
        """Whether it runs, as its manager says."""
        return self.state == "RUNNING"

    @property
    def kept_down(self) -> bool:
        """Whether it was told to stop, so that its manager will not start it by itself, and has no process left.

        supervisord notices a death only at its next round, up to a second later: STOPPING until then.
        """
        return self.state == "STOPPED" or (self.state == "STOPPING" and not family(self.pid))


def unknown(why: str) -> ProcessState:
    """The state of an instance that gave no answer."""
    return ProcessState(UNKNOWN, 0, why)


class ProcessControl(Protocol):
    """What the attacker can do to processes.

    Calls raise SignalUnavailable when the manager gives no answer, and FaultFailed when it is not possible here or
    the instance does not run.
    """

    def states(self) -> dict[str, ProcessState]:
        """Every instance's state, by its name; UNKNOWN where it alone gives no answer."""

    def kill(self, instance: str) -> int:
        """End it at once, without warning, and keep it down until `start`; returns the pid that was killed."""

    def start(self, instance: str) -> None:
        """Ask for it to run again; safe to repeat, does not wait."""

    def crash(self, instance: str) -> int:
        """End it at once and leave it to its manager to notice; returns the pid that was killed."""

    def stop(self, instance: str) -> None:
        """Ask it to end in good order and keep it down until `start`; does not wait."""

    def pause(self, instance: str) -> None:
        """Freeze it where it stands, until `resume`; its manager is told nothing."""

    def resume(self, instance: str) -> None:
        """Let it go on; does nothing when it is not frozen, or does not run."""

    def paused(self, instance: str) -> bool:
        """Whether it is frozen, all of it."""


@runtime_checkable
class OneByOne(Protocol):
    """What a manager can do beyond ProcessControl that need not ask all to learn of one; calls raise as there."""

    def state(self, instance: str) -> ProcessState:
        """Of this instance; nobody else is asked or waited for."""


@runtime_checkable
class Identities(Protocol):
    """What a manager can do beyond ProcessControl that tells processes apart which are not of this machine."""

    def identity(self, instance: str) -> str:
        """Words that this process of the instance has and the next one has not; it may be about to end.

        SignalUnavailable when nobody says just now, FaultFailed when nobody ever would.
        """


class CpuLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long an instance may compute in every period, all its threads together; then it stands still."""

    quota_us: int
    """0: as long as it likes."""
    period_us: int


@runtime_checkable
class CpuLimits(Protocol):
    """What a manager can do beyond ProcessControl that limits its instances' CPU; calls raise as there."""

    def cpu_limit(self, instance: str) -> CpuLimit:
        """The limit that it has now."""

    def limit_cpu(self, instance: str, limit: CpuLimit) -> None:
        """Give it this one, while it runs on."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many instances a scheduler is to run of a service, and how many do."""

    wanted: int
    running: int


@dataclass(frozen=True, slots=True)
class SchedulerNode:
    """One machine of a scheduler's."""

    hostname: str
    availability: str
    """`active`, `pause` or `drain`."""
    ready: bool
    busy: bool
    """Whether it runs instances of ours."""


@runtime_checkable
class Scheduler(Protocol):
    """What a manager can do beyond ProcessControl that runs replicas on several machines; calls raise as there."""

    def replicas(self, service: str) -> Replicas:
        """Of one service."""

    def scale(self, service: str, replicas: int) -> None:
        """Have so many of it; does not wait."""

    def nodes(self) -> dict[str, SchedulerNode]:
        """Every machine, by its id."""

    def calls_itself(self, instance: str) -> str:
        """The name that an instance gives itself, in X-Served-By."""

    def node_of(self, instance: str) -> str:
        """The id of the machine that it runs on."""

    def set_availability(self, node: str, availability: str) -> None:
        """Whether a machine is given instances, keeps those it has, or is freed of all; does not wait."""


def states_of(control: ProcessControl, instances: Iterable[str]) -> dict[str, ProcessState]:
    """The states of these instances, asked for alone where that is possible.

    Raises SignalUnavailable when nobody can say one of them, FaultFailed when the manager has none of that name.
    """
    wanted = tuple(instances)
    told = {one: control.state(one) for one in wanted} if isinstance(control, OneByOne) else control.states()
    for one in wanted:
        if one not in told:
            raise FaultFailed(f"the process manager has no {one}")
        if told[one].state == UNKNOWN:
            raise SignalUnavailable(f"{one}: {told[one]}")
    return {one: told[one] for one in wanted}


def state_of(control: ProcessControl, instance: str) -> ProcessState:
    """The state of one instance; raises as `states_of`."""
    return states_of(control, (instance,))[instance]


def name_in_answers(control: ProcessControl, instance: str) -> str:
    """What X-Served-By calls this instance."""
    return control.calls_itself(instance) if isinstance(control, Scheduler) else instance


def family(leader: int) -> list[psutil.Process]:
    """The live processes of this process group, and what its leader started that left it, as Postgres's servers do."""
    if leader <= 0:
        return []
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == leader:
                found[process.pid] = process
    with contextlib.suppress(psutil.Error):
        found |= {child.pid: child for child in psutil.Process(leader).children(recursive=True)}
    return alive(found.values())


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; a zombie has."""
    return [process for process in processes if _status(process) not in _DEAD]


def signal_all(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to each that is still there; never to a stranger with the same pid."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def all_frozen(processes: Iterable[psutil.Process]) -> bool:
    """Whether there are any, and all of them are stopped by a signal."""
    states = {_status(process) for process in processes} - _DEAD
    return states == {psutil.STATUS_STOPPED}


_DEAD = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}


def _status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return str(psutil.STATUS_DEAD)
