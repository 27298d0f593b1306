"""`pager.refuse`: the pager takes no delivery, as on a full disk, and answers 500."""

import resource

import msgspec
import psutil

from chaos.control.port import family, state_of
from chaos.errors import FaultFailed
from chaos.faults import saved_state
from chaos.faults.hands import Hands, Proof, System
from chaos.machine import process_identity
from chaos.machine.process_identity import Child
from chaos.spec.faults.pager import PagerRefuse


class _Limited(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A process and the file size limits that it had, in bytes; -1 for none."""

    process: Child
    soft: int
    hard: int


class _Before(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All processes of the pager."""

    limits: list[_Limited]


class PagerRefuseHands(Hands[PagerRefuse]):
    """Puts `pager.refuse` in place and takes it back."""

    def check(self, system: System) -> None:
        if self.fault.instance not in system.target.instances:
            raise FaultFailed(f"the target has no instance {self.fault.instance}")
        state = state_of(system.control, self.fault.instance)
        if not state.running:
            raise FaultFailed(f"{self.fault.instance} does not run ({state})")
        if any(_soft(process) == 0 for process in self._processes(system)):
            raise FaultFailed(f"{self.fault.instance} cannot write already: `make undo` lets it")

    def inject(self, system: System) -> str:
        found = self._processes(system)
        if not found:
            raise FaultFailed(f"{self.fault.instance} has no process")
        limits = [
            _Limited(process_identity.of_pid(process.pid), *resource.prlimit(process.pid, resource.RLIMIT_FSIZE))
            for process in found
        ]
        saved_state.write(system, self._saved(), _Before(limits))
        for one in limits:
            # The hard limit stays: only the superuser could raise it again.
            resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (0, one.hard))
        return f"the file size limit of {len(limits)} processes of {self.fault.instance} is 0"

    def in_place(self, system: System) -> Proof:
        limits = [_soft(process) for process in self._processes(system)]
        refuses = bool(limits) and set(limits) == {0}
        can = sum(limit != 0 for limit in limits)
        return Proof(refuses, f"{can} of {len(limits)} processes of {self.fault.instance} can write")

    def undo(self, system: System) -> None:
        """A process that was replaced meanwhile has limits of its own."""
        before = saved_state.read(system, self._saved(), _Before)
        for one in before.limits if before else []:
            if process_identity.is_alive(one.process):
                resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (one.soft, one.hard))

    def undone(self, system: System) -> Proof:
        processes = self._processes(system)
        can = sum(_soft(process) != 0 for process in processes)
        return Proof(
            0 < can == len(processes), f"{can} of {len(processes)} processes of {self.fault.instance} can write"
        )

    def by_hand(self) -> str:
        return f"prlimit --fsize=unlimited: --pid <each process of {self.fault.instance}>; or `make down` and `make up`"

    def _processes(self, system: System) -> list[psutil.Process]:
        return family(state_of(system.control, self.fault.instance).pid)

    def _saved(self) -> str:
        return f"pager.refuse-{self.fault.instance}"


def _soft(process: psutil.Process) -> int | None:
    try:
        return resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[0]
    except ProcessLookupError:
        return None
