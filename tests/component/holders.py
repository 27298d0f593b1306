"""The processes that hold connections, in tests: a real bench, and few connections."""

from collections import Counter
from contextlib import contextmanager

from chaos.claims.bench import Bench
from chaos.claims.holding import Wanted, holding, jobs
from chaos.facts.claims.recording import ClaimRecorder
from chaos.machine.interrupts import Interrupts
from chaos.spec.claims import claim as claims
from compose.settings import ROOT

CLAIM = ROOT / "chaos" / "hypotheses" / "connections.yaml"


@contextmanager
def held(folder, url, connections, *, every, timeout, ramp=1.0):
    """Two processes that are ready to hold so many connections, in the phases `ramp` and `hold`."""
    recorder = ClaimRecorder(folder, CLAIM)
    bench = Bench(claims.read(CLAIM), folder, recorder, None, Interrupts())
    wanted = Wanted(connections, 2, ramp, every, at_most_seconds=60, timeout_seconds=timeout)
    told = jobs(bench, url, wanted, ["ramp", "hold"], ["/products/sku-0001"])
    with holding(bench, told) as holders:
        yield holders
    recorder.end(bench.now, "completed", "")


def of_phase(seen, phase):
    """What all processes saw in a phase: connections at its end, answers, and failures by kind."""
    loads = [one for one in seen if one.labels["phase"] == phase]
    failed = sum((Counter(one.failed) for one in loads), Counter())
    return sum(one.connections for one in loads), sum(one.answered for one in loads), dict(failed)
