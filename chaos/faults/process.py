"""`process.kill`, `process.crash`, `process.pause`, `process.restart`: what happens to processes as a whole."""

import time
from collections.abc import Iterable
from typing import TypeVar

import httpx
import msgspec

from chaos.errors import FaultFailed
from chaos.faults import saved_state
from chaos.faults.hands import Hands, Proof, System, each
from chaos.machine import process_identity
from chaos.machine.process_identity import Child
from chaos.reach import http
from chaos.spec.door import plain
from chaos.spec.faults.process import ProcessCrash, ProcessFault, ProcessKill, ProcessPause, ProcessRestart

AnyProcessFault = TypeVar("AnyProcessFault", bound=ProcessFault)

_READY_TIMEOUT_SECONDS = 1.0
_ENDS_WITHIN_SECONDS = 10.0
_POLL_SECONDS = 0.05


class ProcessFaultHands(Hands[AnyProcessFault]):
    """What these faults have in common."""

    def check(self, system: System) -> None:
        """Refuses what does not run, or is frozen already: it would be put back as it was not."""
        for instance in self.fault.instances():
            assert_runs(system, instance)

    def undone(self, system: System) -> Proof:
        return together(serves(system, instance) for instance in self.fault.instances())

    def by_hand(self) -> str:
        return f"start {self.fault.names} again: `make down` and `make up` bring the whole stack back"

    def _saved(self) -> str:
        return "-".join((str(self.fault.__struct_config__.tag), *self.fault.instances()))


class ProcessKillHands(ProcessFaultHands[ProcessKill]):
    """Puts `process.kill` in place and takes it back."""

    def inject(self, system: System) -> str:
        killed = [f"process group {system.control.kill(one)} of {one}" for one in self.fault.instances()]
        return f"{', '.join(killed)} got SIGKILL and is gone"

    def in_place(self, system: System) -> Proof:
        states = system.control.states()
        down = all(states[one].kept_down for one in self.fault.instances())
        return Proof(
            down,
            ", ".join(f"{one} is {states[one].state} with pid {states[one].pid}" for one in self.fault.instances()),
        )

    def undo(self, system: System) -> None:
        each(self.fault.instances(), system.control.start)


class ProcessCrashHands(ProcessFaultHands[ProcessCrash]):
    """Puts `process.crash` in place and takes it back."""

    def inject(self, system: System) -> str:
        remember(system, self._saved(), self.fault.instances())
        killed = [f"process group {system.control.crash(one)} of {one}" for one in self.fault.instances()]
        return f"{', '.join(killed)} got SIGKILL; its process manager was told nothing"

    def in_place(self, system: System) -> Proof:
        """What ran before is gone, whatever its manager made of it."""
        return replaced(system, self._saved(), self.fault.instances())

    def follow(self, system: System) -> None:
        if self.fault.every is None:
            return
        states = system.control.states()
        for one in self.fault.instances():
            # Also what its manager takes for starting; it waits longer after each such crash, and at last gives up.
            if states[one].pid and _age_seconds(states[one].pid) >= self.fault.every.in_seconds:
                system.control.crash(one)

    def undo(self, system: System) -> None:
        each(self.fault.instances(), system.control.start)


class ProcessPauseHands(ProcessFaultHands[ProcessPause]):
    """Puts `process.pause` in place and takes it back."""

    def inject(self, system: System) -> str:
        for one in self.fault.instances():
            system.control.pause(one)
        return f"{self.fault.names} got SIGSTOP"

    def in_place(self, system: System) -> Proof:
        return together(_frozen(system, one) for one in self.fault.instances())

    def undo(self, system: System) -> None:
        each(self.fault.instances(), system.control.resume)

    def by_hand(self) -> str:
        return f"kill -CONT the processes of {self.fault.names}; or `make down` and `make up`"


class ProcessRestartHands(ProcessFaultHands[ProcessRestart]):
    """Puts `process.restart` in place and takes it back."""

    def inject(self, system: System) -> str:
        """FaultFailed when one has not ended after 10 s."""
        remember(system, self._saved(), self.fault.instances())
        for one in self.fault.instances():
            system.control.stop(one)
        deadline = time.monotonic() + _ENDS_WITHIN_SECONDS
        waiting = list(self.fault.instances())
        while waiting:
            states = system.control.states()
            for one in [one for one in waiting if states[one].state == "STOPPED"]:
                waiting.remove(one)
                system.control.start(one)
            if time.monotonic() > deadline:
                raise FaultFailed(f"{', '.join(waiting)} did not end within {_ENDS_WITHIN_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)
        return f"{self.fault.names} was asked to end, did, and was started again"

    def in_place(self, system: System) -> Proof:
        """What ran before is gone, so that what runs and serves at the undo is another process."""
        return replaced(system, self._saved(), self.fault.instances())

    def undo(self, system: System) -> None:
        """Nothing is left to do, unless it was cut short."""
        each(self.fault.instances(), system.control.start)


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
        status = http.get(ready, _READY_TIMEOUT_SECONDS).status_code
    except httpx.HTTPError as error:
        return Proof(False, f"{instance} does not answer at {plain(ready)}: {type(error).__name__}")
    return Proof(status == 200, f"{instance} answers {status} at {plain(ready)}")
