"""`process.throttle` and `process.hog`: too little CPU, by a limit or because others take it."""

import os
import time
from datetime import timedelta

import psutil

from chaos.control.port import CpuLimit, CpuLimits
from chaos.errors import FaultFailed
from chaos.faults import agent, cpu_limit
from chaos.faults.fault import FaultFields, Proof, System
from chaos.faults.process import assert_runs, serves
from chaos.machine import process_identity
from chaos.spec.values import Duration

_KERNELS_PERIOD = Duration(milliseconds=100)
_LONGEST_PERIOD = timedelta(seconds=2)
_MOST_HOGS_PER_CORE = 4
_LONGEST_HOG = timedelta(minutes=1)
_POLL_SECONDS = 0.005


class ProcessThrottle(FaultFields, frozen=True, forbid_unknown_fields=True, tag="process.throttle"):
    """An instance runs for a share of each period and stands still for the rest, as under a CPU limit.

    Where its manager has CPU limits, as Docker has, it is one: the instance stands still when its share is used up.
    Else its processes are stopped and let go in turn, whatever they do.
    """

    instance: str
    share: float
    """Of the time in which it may run, above 0 and below 1; under a limit, of one core."""
    period: Duration = _KERNELS_PERIOD
    """Run and rest together; the kernel's own CPU limits count in 100 ms, and take 1 s at most."""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not 0 < self.share < 1:
            raise ValueError("`share` must lie between 0 and 1")
        if self.period > _LONGEST_PERIOD:
            raise ValueError(
                f"`period` of more than {_LONGEST_PERIOD.total_seconds():g}s is a pause: use process.pause"
            )

    def describe(self) -> str:
        """See Fault."""
        return f"{self.instance} runs for {self.share:.0%} of every {self.period}, for {self.for_}"

    def aims_at(self) -> str | None:
        """See Fault."""
        return self.instance

    def check(self, system: System) -> None:
        """See Fault."""
        assert_runs(system, self.instance)
        if isinstance(system.control, CpuLimits):
            cpu_limit.assert_lowers(system.control, self.instance, self._limit)

    def inject(self, system: System) -> str:
        """See Fault."""
        if isinstance(system.control, CpuLimits):
            return cpu_limit.lower(system, system.control, self.instance, self._limit)
        try:
            leader = process_identity.of_pid(system.control.states()[self.instance].pid)
        except OSError as error:
            raise FaultFailed("its process manager does not say which process it is") from error
        arguments = {"pid": leader.pid, "started": leader.started, "share": self.share}
        arguments["period_seconds"] = self.period.in_seconds
        return agent.start(system, self._agent, "throttle", arguments, self.for_.in_seconds)

    def in_place(self, system: System) -> Proof:
        """See Fault; looks for itself too, until it has seen the instance stand still."""
        if isinstance(system.control, CpuLimits):
            return cpu_limit.is_at(system.control, self.instance, self._limit)
        acts = agent.acts(system, self._agent)
        pid = system.control.states()[self.instance].pid
        if acts.holds and not _seen_frozen(pid, 2 * self.period.in_seconds):
            return Proof(False, f"{self.instance} was not seen to stand still")
        return acts

    def undo(self, system: System) -> None:
        """See Fault; the agent is gone when `stop` returns, so that nobody freezes it again."""
        if isinstance(system.control, CpuLimits):
            cpu_limit.put_back(system, system.control, self.instance)
            return
        agent.stop(system, self._agent)
        system.control.resume(self.instance)

    def undone(self, system: System) -> Proof:
        """See Fault."""
        if isinstance(system.control, CpuLimits):
            stopped = cpu_limit.is_put_back(system, system.control, self.instance)
        else:
            stopped = agent.stopped(system, self._agent)
        return serves(system, self.instance) if stopped.holds else stopped

    def by_hand(self) -> str:
        """See Fault."""
        stopped = f"{agent.by_hand('<state folder>', self._agent)}; then kill -CONT the processes of {self.instance}"
        return f"{stopped}; of a container, docker update --cpu-period and --cpu-quota to what they were"

    @property
    def _limit(self) -> CpuLimit:
        period_us = round(self.period.in_seconds * 1e6)
        return CpuLimit(round(self.share * period_us), period_us)

    @property
    def _agent(self) -> str:
        return f"throttle-{self.instance}"


class ProcessHog(FaultFields, frozen=True, forbid_unknown_fields=True, tag="process.hog"):
    """Processes that compute beside the system, on the same machine."""

    processes: int
    """How many; each takes a core if it can get one."""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if self.processes < 1:
            raise ValueError("`processes` must be at least 1")
        if self.for_ > _LONGEST_HOG:
            raise ValueError(
                f"a hog may last {_LONGEST_HOG.total_seconds():g}s at most, or it hits whatever else runs here"
            )

    def describe(self) -> str:
        """See Fault."""
        return f"{self.processes} processes compute beside the system for {self.for_}"

    def check(self, system: System) -> None:
        """See Fault."""
        most = _MOST_HOGS_PER_CORE * (os.cpu_count() or 1)
        if self.processes > most:
            raise FaultFailed(f"{self.processes} processes are too many for this machine, {most} are enough")

    def inject(self, system: System) -> str:
        """See Fault."""
        return agent.start(system, "hog", "hog", {"processes": self.processes}, self.for_.in_seconds)

    def in_place(self, system: System) -> Proof:
        """See Fault."""
        return agent.acts(system, "hog")

    def undo(self, system: System) -> None:
        """See Fault."""
        agent.stop(system, "hog")

    def undone(self, system: System) -> Proof:
        """See Fault."""
        return agent.stopped(system, "hog")

    def by_hand(self) -> str:
        """See Fault."""
        return agent.by_hand("<state folder>", "hog")


def _seen_frozen(pid: int, within_seconds: float) -> bool:
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_STOPPED:
                return True
        except psutil.NoSuchProcess:
            return False
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
