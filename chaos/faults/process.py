"""`process.kill`, `process.crash`, `process.pause`, `process.restart`: what happens to processes as a whole."""

import time
from collections.abc import Callable, Iterable

import httpx
import msgspec

from chaos.errors import ChaosError, FaultFailed
from chaos.faults.fault import FaultFields, Proof, System
from chaos.machine import process_identity, saved_state
from chaos.machine.process_identity import Child
from chaos.reach import http_once
from chaos.spec.values import Duration

_READY_TIMEOUT_SECONDS = 1.0
_ENDS_WITHIN_SECONDS = 10.0
_POLL_SECONDS = 0.05


class ProcessFault(
    FaultFields, frozen=True, forbid_unknown_fields=True, rename={"for_": "for", "several": "instances"}
):
    """What happens to one instance, or to several of them at once."""

    instance: str = ""
    """One instance; or else"""
    several: tuple[str, ...] = ()
    """some of them, `instances:` in the file."""

    def __post_init__(self) -> None:
        """Raises ValueError, which the file's reader turns into an error with its place."""
        if bool(self.instance) == bool(self.several):
            raise ValueError("give either `instance`, or `instances` for several at once")
        if len(set(self.several)) < len(self.several):
            raise ValueError("`instances` names one twice")

    def aims_at(self) -> str | None:
        """See Fault."""
        return self.instance or None

    def instances(self) -> tuple[str, ...]:
        """See Fault."""
        return self.several or (self.instance,)

    def check(self, system: System) -> None:
        """See Fault; refuses what does not run, or is frozen already: it would be put back as it was not."""
        for instance in self.instances():
            assert_runs(system, instance)

    def undone(self, system: System) -> Proof:
        """See Fault."""
        return together(serves(system, instance) for instance in self.instances())

    def by_hand(self) -> str:
        """See Fault."""
        return f"start {self._names} again: `make down` and `make up` bring the whole stack back"

    @property
    def _names(self) -> str:
        return ", ".join(self.instances())

    def _memo(self) -> str:
        return "-".join((str(type(self).__struct_config__.tag), *self.instances()))


class ProcessKill(ProcessFault, frozen=True, tag="process.kill"):
    """SIGKILL to the whole process group; the process manager is told to keep it down."""

    def describe(self) -> str:
        """See Fault."""
        return f"SIGKILL to the process group of {self._names}, kept down for {self.for_}"

    def inject(self, system: System) -> str:
        """See Fault."""
        killed = [f"process group {system.control.kill(one)} of {one}" for one in self.instances()]
        return f"{', '.join(killed)} got SIGKILL and is gone"

    def in_place(self, system: System) -> Proof:
        """See Fault."""
        states = system.control.states()
        down = all(states[one].kept_down for one in self.instances())
        return Proof(
            down, ", ".join(f"{one} is {states[one].state} with pid {states[one].pid}" for one in self.instances())
        )

    def undo(self, system: System) -> None:
        """See Fault."""
        each(self.instances(), system.control.start)


class ProcessCrash(ProcessFault, frozen=True, tag="process.crash"):
    """SIGKILL to the whole process group behind its manager's back, which starts it again."""

    every: Duration | None = None
    """How old a new process grows before it crashes as well; without it there is one crash.

    The attacker looks a few times a second, so it may grow that much older.
    """

    def describe(self) -> str:
        """See Fault."""
        again = f", and again when it has run for {self.every}" if self.every else ""
        return f"SIGKILL to the process group of {self._names}{again}; its process manager starts it again"

    def inject(self, system: System) -> str:
        """See Fault."""
        remember(system, self._memo(), self.instances())
        killed = [f"process group {system.control.crash(one)} of {one}" for one in self.instances()]
        return f"{', '.join(killed)} got SIGKILL; its process manager was told nothing"

    def in_place(self, system: System) -> Proof:
        """See Fault: what ran before is gone, whatever its manager made of it."""
        return replaced(system, self._memo(), self.instances())

    def follow(self, system: System) -> None:
        """See Fault."""
        if self.every is None:
            return
        states = system.control.states()
        for one in self.instances():
            # Also what its manager takes for starting; it waits longer after each such crash, and at last gives up.
            if states[one].pid and _age_seconds(states[one].pid) >= self.every.in_seconds:
                system.control.crash(one)

    def undo(self, system: System) -> None:
        """See Fault."""
        each(self.instances(), system.control.start)


class ProcessPause(ProcessFault, frozen=True, tag="process.pause"):
    """SIGSTOP to all processes: they keep their connections and answer nothing, as in a long garbage collection."""

    def describe(self) -> str:
        """See Fault."""
        return f"SIGSTOP to the processes of {self._names} for {self.for_}"

    def inject(self, system: System) -> str:
        """See Fault."""
        for one in self.instances():
            system.control.pause(one)
        return f"{self._names} got SIGSTOP"

    def in_place(self, system: System) -> Proof:
        """See Fault."""
        return together(_frozen(system, one) for one in self.instances())

    def undo(self, system: System) -> None:
        """See Fault."""
        each(self.instances(), system.control.resume)

    def by_hand(self) -> str:
        """See Fault."""
        return f"kill -CONT the processes of {self._names}; or `make down` and `make up`"


class ProcessRestart(ProcessFault, frozen=True, tag="process.restart"):
    """Asked to end in good order, and started again at once; over in a moment, and then watched for a while."""

    def describe(self) -> str:
        """See Fault."""
        return f"{self._names} is asked to end, and started again; then watched for {self.for_}"

    def inject(self, system: System) -> str:
        """See Fault; FaultFailed when one has not ended after 10 s."""
        remember(system, self._memo(), self.instances())
        for one in self.instances():
            system.control.stop(one)
        deadline = time.monotonic() + _ENDS_WITHIN_SECONDS
        waiting = list(self.instances())
        while waiting:
            states = system.control.states()
            for one in [one for one in waiting if states[one].state == "STOPPED"]:
                waiting.remove(one)
                system.control.start(one)
            if time.monotonic() > deadline:
                raise FaultFailed(f"{', '.join(waiting)} did not end within {_ENDS_WITHIN_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)
        return f"{self._names} was asked to end, did, and was started again"

    def in_place(self, system: System) -> Proof:
        """See Fault: what ran before is gone, so that what runs and serves at the undo is another process."""
        return replaced(system, self._memo(), self.instances())

    def undo(self, system: System) -> None:
        """See Fault; nothing is left to do, unless it was cut short."""
        each(self.instances(), system.control.start)


class _Before(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The processes that a fault found."""

    leaders: dict[str, Child]
    """The leader of each instance's process group."""


def assert_runs(system: System, instance: str) -> None:
    """Raises FaultFailed when the instance is unknown, does not run, or is frozen."""
    states = system.control.states()
    if instance not in system.target.instances or instance not in states:
        raise FaultFailed(f"the target has no instance {instance}")
    if not states[instance].running:
        raise FaultFailed(f"{instance} does not run ({states[instance].state})")
    if system.control.paused(instance):
        raise FaultFailed(f"{instance} is frozen already")


def serves(system: System, instance: str) -> Proof:
    """Look whether it runs, is not frozen, and answers where it says that it is ready."""
    state = system.control.states()[instance]
    ready = system.target.instances[instance].ready
    # Its manager may take it for starting for a while yet: who answers that it is ready is better proof. One that
    # is about to stop may answer as well, and is not back.
    if not state.running and not (state.state == "STARTING" and ready):
        return Proof(False, f"{instance} is {state.state}")
    if system.control.paused(instance):
        return Proof(False, f"{instance} is frozen")
    return _answers(instance, ready) if ready else Proof(True, f"{instance} runs as pid {state.pid}")


def together(proofs: Iterable[Proof]) -> Proof:
    """All of them as one."""
    all_of_them = list(proofs)
    return Proof(all(proof.holds for proof in all_of_them), ", ".join(proof.detail for proof in all_of_them))


def each(instances: Iterable[str], put_back: Callable[[str], None]) -> None:
    """Put back every one, also when another cannot be; then raises the first error."""
    errors: list[Exception] = []
    for instance in instances:
        try:
            put_back(instance)
        except (ChaosError, OSError) as error:
            errors.append(error)
    if errors:
        raise errors[0]


def remember(system: System, name: str, instances: Iterable[str]) -> None:
    """Note which processes run now, so that others can be told from them."""
    states = system.control.states()
    try:
        leaders = {instance: process_identity.of_pid(states[instance].pid) for instance in instances}
    except OSError as error:
        raise FaultFailed("its process manager does not say which process it is") from error
    saved_state.write(system, name, _Before(leaders))


def replaced(system: System, name: str, instances: Iterable[str]) -> Proof:
    """Look whether none of the processes that were there before is left."""
    before = saved_state.read(system, name, _Before)
    if before is None:
        return Proof(False, "nothing was done yet")
    states = system.control.states()
    details = []
    for one in instances:
        was, state = before.leaders[one], states[one]
        if process_identity.is_alive(was):
            return Proof(False, f"{one} is still the process {was.pid}")
        details.append(f"{one} was pid {was.pid}, and is {state.state} with pid {state.pid}")
    return Proof(True, ", ".join(details))


def _frozen(system: System, instance: str) -> Proof:
    frozen = system.control.paused(instance)
    return Proof(frozen, f"{instance} is {'frozen' if frozen else 'not frozen'}")


def _age_seconds(pid: int) -> float:
    try:
        return process_identity.age_seconds(process_identity.of_pid(pid))
    except OSError:
        return 0.0


def _answers(instance: str, ready: str) -> Proof:
    try:
        status = http_once.get(ready, _READY_TIMEOUT_SECONDS).status_code
    except httpx.HTTPError as error:
        return Proof(False, f"{instance} does not answer at {ready}: {type(error).__name__}")
    return Proof(status == 200, f"{instance} answers {status} at {ready}")
