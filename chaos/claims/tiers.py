"""Claim 3: users who ask by Zipf's law, at shares of the knee; each answer says which layer gave it."""

import contextlib
from collections.abc import Iterator

from chaos.claims import knee_search, reads
from chaos.claims.bench import Bench
from chaos.claims.knee_search import step
from chaos.claims.stack import Stack
from chaos.judge.claims import tiers
from chaos.reach.toxiproxy import Toxic, Toxiproxy

_SLOW = Toxic("claims-slow", "latency", "downstream", {"latency": 600, "jitter": 0})
"""Of the deviation: more than the half second that an answer from Postgres may take."""


def measure(bench: Bench) -> None:
    """Find the knee, then hold shares of it by turns. Raises ChaosError."""
    stack = bench.stack({})
    asked = reads.popular(round(bench.number("products")), bench.number("past_cache"))
    job = reads.job(stack.target.urls.users, round(bench.number("connections")), asked)
    # What nobody has asked for yet is in no cache, and would be counted as a knee.
    bench.load(job, [step(bench.number("first_rate"), bench.number("warm_up_seconds"))], warm_up="1")
    knee = knee_search.find(bench, job, tiers.KNEE, 1, bench.number("first_rate"))
    with _slow_postgres(bench, stack):
        for turn in range(round(bench.number("rounds"))):
            for share in tiers.SHARES:
                stage = step(knee * float(share) / 100, bench.number("hold_seconds"))
                bench.load(job, [stage], **{tiers.SHARE: share, "round": str(turn)})


@contextlib.contextmanager
def _slow_postgres(bench: Bench, stack: Stack) -> Iterator[None]:
    if not bench.deviates("slow-postgres"):
        yield
        return
    toxiproxy, proxies = Toxiproxy(stack.target.urls.toxiproxy), stack.target.links["postgres"]
    for proxy in proxies:
        toxiproxy.add(proxy, _SLOW)
    try:
        yield
    finally:
        for proxy in proxies:
            toxiproxy.remove(proxy, _SLOW.name)
