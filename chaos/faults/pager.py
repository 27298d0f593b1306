"""`pager.refuse`: the pager takes no delivery, as on a full disk, and answers 500."""

import resource

import msgspec
import psutil

from chaos.control.port import family
from chaos.errors import FaultFailed
from chaos.faults.fault import FaultFields, Proof, System
from chaos.machine import process_identity, saved_state
from chaos.machine.process_identity import Child


class _Limited(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A process and the file size limits that it had, in bytes; -1 for none."""

    process: Child
    soft: int
    hard: int


class _Before(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All processes of the pager."""

    limits: list[_Limited]


class PagerRefuse(FaultFields, frozen=True, tag="pager.refuse"):
    """Sets the file size limit of the pager's processes to nothing, from outside: it cannot store a delivery."""

    instance: str = "pager"

    def describe(self) -> str:
        """See Fault."""
        return f"{self.instance} cannot write to its disk for {self.for_}, and refuses every delivery"

    def aims_at(self) -> str | None:
        """See Fault."""
        return self.instance

    def check(self, system: System) -> None:
        """See Fault."""
        states = system.control.states()
        if self.instance not in system.target.instances or self.instance not in states:
            raise FaultFailed(f"the target has no instance {self.instance}")
        if not states[self.instance].running:
            raise FaultFailed(f"{self.instance} does not run ({states[self.instance].state})")
        if any(_soft(process) == 0 for process in self._processes(system)):
            raise FaultFailed(f"{self.instance} cannot write already: `make undo` lets it")

    def inject(self, system: System) -> str:
        """See Fault."""
        found = self._processes(system)
        if not found:
            raise FaultFailed(f"{self.instance} has no process")
        limits = [
            _Limited(process_identity.of_pid(process.pid), *resource.prlimit(process.pid, resource.RLIMIT_FSIZE))
            for process in found
        ]
        saved_state.write(system, self._memo(), _Before(limits))
        for one in limits:
            # The hard limit stays: only the superuser could raise it again.
            resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (0, one.hard))
        return f"the file size limit of {len(limits)} processes of {self.instance} is 0"

    def in_place(self, system: System) -> Proof:
        """See Fault."""
        limits = [_soft(process) for process in self._processes(system)]
        refuses = bool(limits) and set(limits) == {0}
        can = sum(limit != 0 for limit in limits)
        return Proof(refuses, f"{can} of {len(limits)} processes of {self.instance} can write")

    def undo(self, system: System) -> None:
        """See Fault; a process that was replaced meanwhile has limits of its own."""
        before = saved_state.read(system, self._memo(), _Before)
        for one in before.limits if before else []:
            if process_identity.is_alive(one.process):
                resource.prlimit(one.process.pid, resource.RLIMIT_FSIZE, (one.soft, one.hard))

    def undone(self, system: System) -> Proof:
        """See Fault."""
        processes = self._processes(system)
        can = sum(_soft(process) != 0 for process in processes)
        return Proof(0 < can == len(processes), f"{can} of {len(processes)} processes of {self.instance} can write")

    def by_hand(self) -> str:
        """See Fault."""
        return f"prlimit --fsize=unlimited: --pid <each process of {self.instance}>; or `make down` and `make up`"

    def _processes(self, system: System) -> list[psutil.Process]:
        return family(system.control.states()[self.instance].pid)

    def _memo(self) -> str:
        return f"pager.refuse-{self.instance}"


def _soft(process: psutil.Process) -> int | None:
    try:
        return resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[0]
    except ProcessLookupError:
        return None
