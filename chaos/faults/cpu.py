"""`process.throttle` and `process.hog`: too little CPU, by a limit or because others take it."""

import os
import time

import psutil

from chaos.control.port import CpuLimit, CpuLimits, state_of
from chaos.errors import FaultFailed
from chaos.faults import agent, cpu_limit
from chaos.faults.hands import Hands, Proof, System
from chaos.faults.process import assert_runs, serves
from chaos.machine import process_identity
from chaos.spec.faults.cpu import ProcessHog, ProcessThrottle

_MOST_HOGS_PER_CORE = 4
_POLL_SECONDS = 0.005


class ProcessThrottleHands(Hands[ProcessThrottle]):
    """Puts `process.throttle` in place and takes it back."""

    def check(self, system: System) -> None:
        assert_runs(system, self.fault.instance)
        if isinstance(system.control, CpuLimits):
            cpu_limit.assert_lowers(system.control, self.fault.instance, self._limit)

    def inject(self, system: System) -> str:
        if isinstance(system.control, CpuLimits):
            return cpu_limit.lower(system, system.control, self.fault.instance, self._limit)
        try:
            leader = process_identity.of_pid(state_of(system.control, self.fault.instance).pid)
        except OSError as error:
            raise FaultFailed("its process manager does not say which process it is") from error
        arguments = {"pid": leader.pid, "started": leader.started, "share": self.fault.share}
        arguments["period_seconds"] = self.fault.period.in_seconds
        return agent.start(system, self._agent, "throttle", arguments, self.fault.for_.in_seconds)

    def in_place(self, system: System) -> Proof:
        """Looks for itself too, until it has seen the instance stand still."""
        if isinstance(system.control, CpuLimits):
            return cpu_limit.is_at(system.control, self.fault.instance, self._limit)
        acts = agent.acts(system, self._agent)
        pid = state_of(system.control, self.fault.instance).pid
        if acts.holds and not _seen_frozen(pid, 2 * self.fault.period.in_seconds):
            return Proof(False, f"{self.fault.instance} was not seen to stand still")
        return acts

    def undo(self, system: System) -> None:
        """The agent is gone when `stop` returns, so that nobody freezes it again."""
        if isinstance(system.control, CpuLimits):
            cpu_limit.put_back(system, system.control, self.fault.instance, self._limit)
            return
        agent.stop(system, self._agent)
        system.control.resume(self.fault.instance)

    def undone(self, system: System) -> Proof:
        if isinstance(system.control, CpuLimits):
            stopped = cpu_limit.is_put_back(system, system.control, self.fault.instance, self._limit)
        else:
            stopped = agent.stopped(system, self._agent)
        if not stopped.holds:
            return stopped
        serving = serves(system, self.fault.instance)
        return Proof(serving.holds, f"{stopped.detail}; {serving.detail}")

    def by_hand(self) -> str:
        stopped = (
            f"{agent.by_hand('<state folder>', self._agent)}; then kill -CONT the processes of {self.fault.instance}"
        )
        return f"{stopped}; of a container, docker update --cpu-period and --cpu-quota to what they were"

    @property
    def _limit(self) -> CpuLimit:
        period_us = round(self.fault.period.in_seconds * 1e6)
        return CpuLimit(round(self.fault.share * period_us), period_us)

    @property
    def _agent(self) -> str:
        return f"throttle-{self.fault.instance}"


class ProcessHogHands(Hands[ProcessHog]):
    """Puts `process.hog` in place and takes it back."""

    def check(self, system: System) -> None:
        most = _MOST_HOGS_PER_CORE * (os.cpu_count() or 1)
        if self.fault.processes > most:
            raise FaultFailed(f"{self.fault.processes} processes are too many for this machine, {most} are enough")

    def inject(self, system: System) -> str:
        return agent.start(system, "hog", "hog", {"processes": self.fault.processes}, self.fault.for_.in_seconds)

    def in_place(self, system: System) -> Proof:
        return agent.acts(system, "hog")

    def undo(self, system: System) -> None:
        agent.stop(system, "hog")

    def undone(self, system: System) -> Proof:
        return agent.stopped(system, "hog")

    def by_hand(self) -> str:
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
