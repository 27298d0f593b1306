"""Claim 8: an instance is killed under a load that is a share of what the others can carry."""

import time

from chaos.claims import knee_search, quotas, reads
from chaos.claims.bench import Bench
from chaos.claims.knee_search import step
from chaos.claims.quotas import Quotas
from chaos.claims.rotation import Rotation
from chaos.claims.stack import Stack
from chaos.control.of_target import control_of
from chaos.judge.claims import absorb
from chaos.load.open_loop.job import Job

_SHARES = (*absorb.CLAIMED, "110", "125")
"""In percent; the last two are to show where it stops being absorbed."""


def measure(bench: Bench) -> None:
    """Find what the others carry without the victim, then kill it under shares of that. Raises ChaosError."""
    stack = bench.stack({})
    shops = sorted(name for name, one in stack.target.instances.items() if one.role == "shop")
    victims = shops[1:] if bench.deviates("two-die") else shops[-1:]
    rotation = Rotation(bench, stack)
    asked = reads.popular(round(bench.number("products")), past_cache=1.0)
    job = reads.job(stack.target.urls.users, round(bench.number("connections")), asked)
    with quotas.of(bench, stack, bench.number("cores_a_worker")) as limited:
        limited.give(shops)
        # What they carry is a matter of the others: also where more die than was reckoned with.
        rotation.only(shops[:-1], shops[-1:])
        bench.load(job, [step(bench.number("first_rate"), bench.number("warm_up_seconds"))], warm_up="1")
        rest = knee_search.find(bench, job, absorb.SEARCH, 1, bench.number("first_rate"))
        rotation.only(shops, [])
        for share in _SHARES:
            _kill_at(bench, stack, job, rest, share, victims)
            _back(bench, stack, rotation, limited, victims)


def _kill_at(bench: Bench, stack: Stack, job: Job, rest: float, share: str, victims: list[str]) -> None:
    control, stage = control_of(stack.target), step(rest * float(share) / 100, bench.number("hold_seconds"))
    with bench.loading(job, [stage], **{absorb.SHARE: share}) as load:
        began = load.begun()
        bench.wait(max(0.0, began + bench.number("kill_after") - time.monotonic()))
        for victim in victims:
            control.kill(victim)
        bench.reading(absorb.KILLED, time.monotonic() - began, "s", **{absorb.SHARE: share})
        bench.seen(load)


def _back(bench: Bench, stack: Stack, rotation: Rotation, limited: Quotas, victims: list[str]) -> None:
    """Start them again, and wait until they have their share of the requests."""
    control = control_of(stack.target)
    for victim in victims:
        control.start(victim)
    rotation.until(dict.fromkeys(victims, "UP"))
    limited.give(victims)
    bench.wait(bench.number("slow_start"))
