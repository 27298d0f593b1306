"""`process.kill`, `process.crash`, `process.pause`, `process.restart`: what happens to processes as a whole."""

import time
from collections.abc import Iterable
from typing import TypeVar

import httpx
import msgspec

from chaos.control.port import Identities, ProcessState, state_of, states_of
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
        killed = [_whom(system.control.kill(one), one) for one in self.fault.instances()]
        return f"{', '.join(killed)} got SIGKILL and is gone"

    def in_place(self, system: System) -> Proof:
        states = states_of(system.control, self.fault.instances())
        down = all(state.kept_down for state in states.values())
        return Proof(down, ", ".join(f"{one} is {_seen(state)}" for one, state in states.items()))

    def undo(self, system: System) -> None:
        each(self.fault.instances(), system.control.start)


class ProcessCrashHands(ProcessFaultHands[ProcessCrash]):
    """Puts `process.crash` in place and takes it back."""

    def check(self, system: System) -> None:
        """Refuses also what cannot be told from the process that follows it."""
        super().check(system)
        _identities(system, self.fault.instances())
        if self.fault.every is not None:
            for one, state in states_of(system.control, self.fault.instances()).items():
                if not state.pid:
                    raise FaultFailed(f"`every` needs to see how old {one} is, and its process is not of this machine")

    def inject(self, system: System) -> str:
        remember(system, self._saved(), self.fault.instances())
        killed = [_whom(system.control.crash(one), one) for one in self.fault.instances()]
        return f"{', '.join(killed)} got SIGKILL; its process manager was told nothing"

    def in_place(self, system: System) -> Proof:
        """What ran before is gone, whatever its manager made of it."""
        return replaced(system, self._saved(), self.fault.instances())

    def follow(self, system: System) -> None:
        if self.fault.every is None:
            return
        for one, state in states_of(system.control, self.fault.instances()).items():
            # Also what its manager takes for starting; it waits longer after each such crash, and at last gives up.
            if state.pid and _age_seconds(state.pid) >= self.fault.every.in_seconds:
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

    def check(self, system: System) -> None:
        """Refuses also what cannot be told from the process that follows it."""
        super().check(system)
        _identities(system, self.fault.instances())

    def inject(self, system: System) -> str:
        """FaultFailed when one has not ended after 10 s."""
        remember(system, self._saved(), self.fault.instances())
        for one in self.fault.instances():
            system.control.stop(one)
        deadline = time.monotonic() + _ENDS_WITHIN_SECONDS
        waiting = list(self.fault.instances())
        while waiting:
            states = states_of(system.control, waiting)
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
    """The leader of each instance's process group, of those that are processes of this machine."""
    identities: dict[str, str] = {}
    """Of the others, what their manager says of this process and of no other."""


def assert_runs(system: System, instance: str) -> None:
    """Raises FaultFailed when the instance is unknown, does not run, or is frozen."""
    if instance not in system.target.instances:
        raise FaultFailed(f"the target has no instance {instance}")
    state = state_of(system.control, instance)
    if not state.running:
        raise FaultFailed(f"{instance} does not run ({state})")
    if system.control.paused(instance):
        raise FaultFailed(f"{instance} is frozen already")


def serves(system: System, instance: str) -> Proof:
    """Look whether it runs, is not frozen, and answers where it says that it is ready."""
    state = state_of(system.control, instance)
    ready = system.target.instances[instance].ready
    # Its manager may take it for starting for a while yet: who answers that it is ready is better proof. One that
    # is about to stop may answer as well, and is not back.
    if not state.running and not (state.state == "STARTING" and ready):
        return Proof(False, f"{instance} is {state.state}")
    if system.control.paused(instance):
        return Proof(False, f"{instance} is frozen")
    return _answers(instance, ready) if ready else Proof(True, f"{instance} is {_seen(state)}")


def together(proofs: Iterable[Proof]) -> Proof:
    """All of them as one."""
    all_of_them = list(proofs)
    return Proof(all(proof.holds for proof in all_of_them), ", ".join(proof.detail for proof in all_of_them))


def remember(system: System, name: str, instances: Iterable[str]) -> None:
    """Note which processes run now, so that others can be told from them.

    FaultFailed when their manager does not say that, SignalUnavailable when it does not just now.
    """
    saved_state.write(system, name, _identities(system, instances))


def replaced(system: System, name: str, instances: Iterable[str]) -> Proof:
    """Look whether none of the processes that were there before is left."""
    before = saved_state.read(system, name, _Before)
    if before is None:
        return Proof(False, "nothing was done yet")
    details = []
    for one, state in states_of(system.control, instances).items():
        was, there = before.leaders.get(one), before.identities.get(one)
        if was is not None and process_identity.is_alive(was):
            return Proof(False, f"{one} is still the process {was.pid}")
        if there is not None and not state.kept_down and _identity(system, one) == there:
            return Proof(False, f"{one} is still {there}")
        details.append(f"{one} was {f'pid {was.pid}' if was else there}, and is {_seen(state)}")
    return Proof(True, ", ".join(details))


def _identities(system: System, instances: Iterable[str]) -> _Before:
    """Which processes these are now; raises as `remember`."""
    before = _Before({})
    for one, state in states_of(system.control, instances).items():
        try:
            before.leaders[one] = process_identity.of_pid(state.pid)
        except OSError:
            before.identities[one] = _identity(system, one)
    return before


def _identity(system: System, instance: str) -> str:
    if not isinstance(system.control, Identities):
        raise FaultFailed("its process manager does not say which process it is")
    return system.control.identity(instance)


def _whom(killed: int, instance: str) -> str:
    return f"process group {killed} of {instance}" if killed else instance


def _seen(state: ProcessState) -> str:
    return f"{state.state} with pid {state.pid}" if state.pid else f"{state.state}, with no pid on this machine"


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
