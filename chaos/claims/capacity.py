"""Claim 9: CPU time by program under loads that are each nearly of one layer, then a mix, and where its knee is."""

import os

from chaos.claims import knee_search, reads
from chaos.claims.bench import Bench
from chaos.claims.knee_search import step
from chaos.claims.stack import Stack
from chaos.judge.claims import capacity
from chaos.load.open_loop.job import Asked, Job
from chaos.machine import cpu_time
from chaos.spec.mix import SKUS

_CONNECTIONS = 64


class _Programs:
    """The processes of each program of a stack, and what they have taken."""

    def __init__(self, stack: Stack) -> None:
        """Looks for them, which takes a while: before anything is measured."""
        by_role = {
            role: [name for name, one in stack.target.instances.items() if one.role == role] for role in capacity.OURS
        }
        self._pids = {role: [pid for name in names for pid in stack.pids(name)] for role, names in by_role.items()}
        self._before: dict[str, float] = {}

    def begin(self) -> None:
        """What they take counts from now on."""
        self._before = self._now()

    def taken(self) -> dict[str, float]:
        """Seconds by program since then."""
        return {role: now - self._before[role] for role, now in self._now().items()}

    def _now(self) -> dict[str, float]:
        seconds = {role: cpu_time.seconds(pids) for role, pids in self._pids.items()}
        return seconds | {capacity.MACHINE: cpu_time.of_machine()}


def measure(bench: Bench) -> None:
    """Measure costs, then the knee of the mix, then what the mix takes at half of that. Raises ChaosError."""
    stack = bench.stack({})
    bench.reading("cores", len(os.sched_getaffinity(0)))
    mix = _mix(bench, stack)
    bench.load(mix, [step(bench.number("first_rate"), bench.number("warm_up_seconds"))], warm_up="1")
    _at_rest(bench, stack)
    rounds = range(round(bench.number("rounds")))
    for turn in rounds:
        for kind, rate, asked in _kinds(bench):
            job = reads.job(stack.target.urls.users, _CONNECTIONS, asked, in_turn=True)
            _run(bench, stack, job, rate, **{capacity.COST: kind, "round": str(turn)})
    if bench.deviates("slower"):
        # What the model has not seen: the shop keeps more traces, which costs it more in each request.
        stack = bench.stack({"SHOP_TRACE_SAMPLE_RATIO": "1.0"})
        mix = _mix(bench, stack)
        bench.load(mix, [step(bench.number("first_rate"), bench.number("warm_up_seconds"))], warm_up="2")
    knee, first = 0.0, bench.number("first_rate")
    for turn in rounds:
        knee = knee_search.find(bench, mix, capacity.KNEE, turn, first)
        first = 0.9 * knee
    for turn in rounds:
        _run(bench, stack, mix, knee / 2, **{capacity.CHECK: "mix", "round": str(turn)})


def _mix(bench: Bench, stack: Stack) -> Job:
    return reads.job(stack.target.urls.users, _CONNECTIONS, reads.popular(len(SKUS), bench.number("past_cache")))


def _kinds(bench: Bench) -> list[tuple[str, float, list[Asked]]]:
    """Loads of nearly one layer each: its name, its rate, and what is asked for in turn.

    A few products are in HAProxy, or past it in memory. 300 at 200 a second come round after 1.5 s, when memory (1 s)
    has let go of them and Redis (5 s) has not; a thousand at 150 after 6.7 s, when nobody has them any more.
    """
    return [
        ("http", bench.number("http_rate"), reads.alike(5, past_cache=False)),
        ("memory", bench.number("memory_rate"), reads.alike(5, past_cache=True)),
        ("redis", 200.0, reads.alike(300, past_cache=True)),
        ("postgres", 150.0, reads.alike(1000, past_cache=True)),
    ]


def _at_rest(bench: Bench, stack: Stack) -> None:
    seconds, programs = bench.number("rest_seconds"), _Programs(stack)
    programs.begin()
    bench.wait(seconds)
    for program, cpu in programs.taken().items():
        bench.reading(capacity.IDLE, cpu / seconds, "cores", **{capacity.PROGRAM: program})


def _run(bench: Bench, stack: Stack, job: Job, rate: float, **labels: str) -> None:
    programs = _Programs(stack)
    with bench.loading(job, [step(rate, bench.number("hold_seconds"))], **labels) as load:
        # Opening connections and starting the process that asks are no part of a request's cost.
        load.begun()
        programs.begin()
        bench.seen(load)
        for program, cpu in programs.taken().items():
            bench.reading(capacity.CPU, cpu, "s", **labels, **{capacity.PROGRAM: program})
