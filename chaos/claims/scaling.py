"""Claim 4: the same users for each worker, and more and more workers, each with a quota of the CPU."""

import os
import signal
import time
from collections.abc import Sequence

from chaos.claims import quotas, reads
from chaos.claims.bench import Bench
from chaos.claims.quotas import Quotas
from chaos.claims.rotation import Rotation
from chaos.claims.stack import Stack
from chaos.errors import SignalUnavailable
from chaos.facts.claims.facts import LoadSeen
from chaos.judge.claims import scaling, scaling_law
from chaos.load.open_loop.job import Job
from chaos.machine import cpu_time
from chaos.machine.cgroup import Throttled
from chaos.spec.claims.profile import Stage
from chaos.spec.values import Duration

SIZES = {1: (1, 2, 3, 4), 2: (1, 2, 4), 4: (1, 2)}
"""Workers of an instance: of how many instances; eight workers in all at the most."""
_STACK = {
    "STORMDRILL_SHOPS": "4",
    # Of its own accord; gunicorn is told to have fewer or more. Each has twice as many ports for metrics.
    "STORMDRILL_WORKERS": "2",
    "SHOP_POSTGRES_POOL_MIN": "2",
    "SHOP_POSTGRES_POOL_MAX": "4",
    # An instance that returns has its full share at once.
    "SHOP_SLOW_START": "off",
}
_WITHIN_SECONDS = 60.0
"""For workers that start or drain while others answer."""
_POLL_SECONDS = 0.2


def measure(bench: Bench) -> None:
    """Measure each size once a round, until the law is known well enough. Raises ChaosError."""
    stack = bench.stack(_STACK)
    bench.reading(scaling.CORES, len(os.sched_getaffinity(0)))
    with quotas.of(bench, stack, bench.number("cores_a_worker")) as limited:
        if bench.deviates("shared-quota"):
            limited.share(bench.number("shared_cores"))
        measuring = _Measuring(bench, stack, limited, Rotation(bench, stack))
        loads: list[LoadSeen] = []
        for turn in range(round(bench.number("most_rounds"))):
            # There and back, as each change of the workers costs seconds.
            for workers in sorted(SIZES, reverse=turn % 2 == 0):
                loads += measuring.sizes(workers, turn)
            if turn + 1 >= bench.number("rounds") and not _undecided(bench, loads):
                break


class _Measuring:
    """One stack whose workers and instances come and go."""

    def __init__(self, bench: Bench, stack: Stack, limited: Quotas, rotation: Rotation) -> None:
        self._bench, self._stack, self._limited, self._rotation = bench, stack, limited, rotation
        self._shops = sorted(name for name, one in stack.target.instances.items() if one.role == "shop")

    def sizes(self, workers: int, turn: int) -> list[LoadSeen]:
        """One load for each number of instances of so many workers."""
        most = max(SIZES[workers])
        used = self._shops[:most]
        self._rotation.only(self._shops, [])
        self._have(used, workers)
        self._limited.give(used)
        if self._bench.deviates("free-worker"):
            self._limited.free(self._shops[0])
        return [self._one(self._shops[:instances], workers, turn) for instances in SIZES[workers]]

    def _one(self, used: list[str], workers: int, turn: int) -> LoadSeen:
        self._rotation.only(used, [name for name in self._shops if name not in used])
        users = round(self._bench.number("users_a_worker")) * workers * len(used)
        stage = Stage(users=users, for_=Duration(seconds=self._bench.number("hold_seconds")))
        labels = {scaling.INSTANCES: str(len(used)), scaling.WORKERS: str(workers), "round": str(turn)}
        with self._bench.loading(self._job(users), [stage], **labels) as load:
            load.begun()
            before, machine = self._limited.throttled(used), cpu_time.of_machine()
            (seen,) = self._bench.seen(load)
            busy = (cpu_time.of_machine() - machine) / seen.lasted
            least = _least(before, self._limited.throttled(used))
        self._bench.reading(scaling.THROTTLED, least, **labels)
        self._bench.reading(scaling.BUSY, busy, "cores", **labels)
        return seen

    def _job(self, users: int) -> Job:
        # Few products, so that all sizes are served from memory: another mix would be another cost.
        asked = reads.alike(round(self._bench.number("products")), past_cache=True)
        return reads.job(self._stack.target.urls.users, users, asked)

    def _have(self, instances: Sequence[str], workers: int) -> None:
        """Have gunicorn start or end workers until each has so many. Raises SignalUnavailable, Interrupted."""
        deadline = time.monotonic() + _WITHIN_SECONDS
        told = {name: len(self._stack.pids(name)) - 1 for name in instances}
        while wrong := {name: pids for name in instances if len(pids := self._stack.pids(name)) - 1 != workers}:
            for name, (master, *_) in wrong.items():
                # One at a time: signals of one kind that arrive together are one.
                if told[name] != workers:
                    os.kill(master, signal.SIGTTIN if told[name] < workers else signal.SIGTTOU)
                    told[name] += 1 if told[name] < workers else -1
            if time.monotonic() > deadline:
                raise SignalUnavailable(f"{', '.join(wrong)} should have {workers} workers, and do not")
            self._bench.wait(_POLL_SECONDS)
        self._rotation.until(dict.fromkeys(instances, "UP"))


def _undecided(bench: Bench, loads: Sequence[LoadSeen]) -> bool:
    measured = scaling.measured(loads, bench.number("p99"))
    bounds = {one.measure: one.wanted.limit for one in bench.claim.bounds}
    fit = scaling_law.fit(measured) if measured else None
    return measured is not None and scaling.is_undecided(fit, bounds["contention"], bounds["crosstalk"])


def _least(before: Sequence[Throttled], after: Sequence[Throttled]) -> float:
    """The share of the periods in which the least busy worker used up its quota."""
    shares = [
        (then.throttled - now.throttled) / (then.periods - now.periods) if then.periods > now.periods else 0.0
        for now, then in zip(before, after, strict=True)
    ]
    return min(shares, default=0.0)
