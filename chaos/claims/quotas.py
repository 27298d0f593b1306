"""Workers of the shop that may use a share of a core each, so that they are scarce and the machine is not."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from chaos.claims.bench import Bench
from chaos.claims.stack import Stack
from chaos.machine import cgroup
from chaos.machine.cgroup import Group, Hierarchy, QuotaUnavailable, Throttled


@dataclass(slots=True)
class Quotas:
    """The quotas of one stack's workers."""

    stack: Stack
    cores: float
    """Of each worker."""
    _hierarchy: Hierarchy
    _groups: dict[int, Group] = field(default_factory=dict)
    """By worker."""
    shared: Group | None = None
    """One group for all, of a deviation."""

    def give(self, instances: list[str]) -> None:
        """Each worker of these instances has its quota from now on, those that began since included.

        Raises QuotaUnavailable.
        """
        for name in instances:
            for pid in self.stack.pids(name)[1:]:
                if pid not in self._groups:
                    self._groups[pid] = self.shared or self._hierarchy.group(f"{name}-{pid}")
                    if self.shared is None:
                        self._groups[pid].limit(self.cores)
                    self._groups[pid].take([pid])

    def free(self, instance: str) -> None:
        """The first worker of this instance has a whole core, of a deviation. Raises QuotaUnavailable."""
        self._groups[self.stack.pids(instance)[1]].limit(1.0)

    def share(self, cores: float) -> None:
        """All workers have this together, and none a quota of its own. Raises QuotaUnavailable."""
        self.shared = self._hierarchy.group("shared")
        self.shared.limit(cores)

    def throttled(self, instances: list[str]) -> list[Throttled]:
        """How often each worker of these instances was stopped so far.

        Raises QuotaUnavailable where one has no quota, as gunicorn has started it meanwhile.
        """
        pids = [pid for name in instances for pid in self.stack.pids(name)[1:]]
        if new := [pid for pid in pids if pid not in self._groups]:
            raise QuotaUnavailable(f"workers {new} were started while others were measured, and have no quota")
        return [self._groups[pid].throttled() for pid in pids]

    def close(self) -> None:
        """Let all of them go."""
        groups = {id(group): group for group in (*self._groups.values(), *([self.shared] if self.shared else []))}
        with cgroup.closing(list(groups.values())):
            self._groups.clear()


@contextlib.contextmanager
def of(bench: Bench, stack: Stack, cores: float) -> Iterator[Quotas]:
    """Quotas for a stack's workers, each to be given; all are let go at the end. Raises QuotaUnavailable."""
    hierarchy = cgroup.find()
    hierarchy.sweep()
    bench.note(f"quotas by cgroups version {hierarchy.version}")
    quotas = Quotas(stack, cores, hierarchy)
    try:
        yield quotas
    finally:
        quotas.close()
