"""A lower CPU limit for an instance whose manager keeps limits, as a container's does, and back to what it was."""

from chaos.control.port import CpuLimit, CpuLimits
from chaos.errors import FaultFailed
from chaos.faults import saved_state
from chaos.faults.hands import Proof, System

_LONGEST_PERIOD_US = 1_000_000
"""The kernel's, whichever cgroup version."""


def assert_lowers(limits: CpuLimits, instance: str, wanted: CpuLimit) -> None:
    """Raises FaultFailed when the kernel knows no such limit, or the instance has a lower one already."""
    if wanted.period_us > _LONGEST_PERIOD_US:
        raise FaultFailed("a CPU limit's `period` can be 1s at most")
    now = limits.cpu_limit(instance)
    if now.quota_us and _cores(now) <= _cores(wanted):
        raise FaultFailed(f"{instance} has a limit already that is no higher: {_words(now)}")


def lower(system: System, limits: CpuLimits, instance: str, wanted: CpuLimit) -> str:
    """Put the limit in place, and say what was done; what it was before is on disk first. Raises FaultFailed."""
    before = limits.cpu_limit(instance)
    saved_state.write(system, _saved(instance), before)
    limits.limit_cpu(instance, wanted)
    return f"{instance} may use {_words(wanted)}; before, {_words(before)}"


def is_at(limits: CpuLimits, instance: str, wanted: CpuLimit) -> Proof:
    """Look whether this is its limit."""
    now = limits.cpu_limit(instance)
    return Proof(now == wanted, f"{instance} may use {_words(now)}")


def put_back(system: System, limits: CpuLimits, instance: str, ours: CpuLimit) -> None:
    """Give it the limit that it had, if it still has ours; safe to repeat, and when `lower` was cut short."""
    before = saved_state.read(system, _saved(instance), CpuLimit)
    if before is not None and limits.cpu_limit(instance) == ours:
        limits.limit_cpu(instance, before)


def is_put_back(system: System, limits: CpuLimits, instance: str, ours: CpuLimit) -> Proof:
    """Look whether it has the limit that it had, or one that somebody else gave it since."""
    before = saved_state.read(system, _saved(instance), CpuLimit)
    if before is None:
        return Proof(True, f"the limit of {instance} was not touched")
    now = limits.cpu_limit(instance)
    if now not in (ours, before):
        return Proof(True, f"somebody else gave {instance} {_words(now)}, which is left so")
    return is_at(limits, instance, before)


def _saved(instance: str) -> str:
    return f"cpu-limit-{instance}"


def _cores(limit: CpuLimit) -> float:
    return limit.quota_us / limit.period_us


def _words(limit: CpuLimit) -> str:
    if not limit.quota_us:
        return "as much CPU as it likes"
    return f"{limit.quota_us / 1000:g} ms of CPU in every {limit.period_us / 1000:g}"
