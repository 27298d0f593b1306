"""What players do collides with the fault: whatever they did, the system is clean after the undo."""

import io
import time

import pytest

from chaos.control.of_target import control_of
from chaos.drill.context import RunContext
from chaos.drill.progress import Progress
from chaos.errors import ChaosError
from chaos.faults.hands import System
from chaos.gameday.actions import Actions, silences_of
from chaos.machine.interrupts import Interrupts
from chaos.spec import target as targets
from chaos.spec.experiment import Experiment
from chaos.spec.values import Duration
from chaos.undo.lease import Heartbeat
from tests.undo import samples
from tests.undo.leftovers import leftovers, unwell
from tests.undo.runner import _Forgetful, _OfAnIdleStack

pytestmark = [pytest.mark.stack, pytest.mark.slow]

LASTS = Duration(seconds=120)
CLEAN_WITHIN_SECONDS = 60.0
FAULTS = {
    "process.kill": {"instance": "shop-2"},
    "process.pause": {"instance": "shop-2"},
    "process.throttle": {"instance": "shop-2", "share": 0.5},
    "haproxy.drain": {"server": "shop/shop-2"},
    "network.latency": {"link": "postgres/shop-2", "latency": "50ms"},
}
ACTIONS = (
    "restart shop-2",
    "restart haproxy",
    "drain shop/shop-2",
    "drain shop/shop-1",
    "undrain shop/shop-2",
    "silence ShopInstanceDown 5",
)
"""One of each kind that there is without a scheduler, at what the fault hits and beside it."""
MAY_BE_REFUSED = {("drain shop/shop-2", kind) for kind in ("process.kill", "process.pause", "haproxy.drain")}
"""HAProxy gives it nothing any more, or has not noticed yet, which a second decides."""


@pytest.fixture
def context(stack):
    target = targets.read(stack.target)
    system = System(target, control_of(target))
    made = RunContext(
        f"players-{time.time_ns()}", "gameday", system, _Forgetful(), Interrupts(), Progress(io.StringIO())
    )
    made.lease.acquire(made.run_id, 2 * LASTS.in_seconds)
    with Heartbeat(made.lease, made.run_id):
        yield made
    made.lease.release(made.run_id)


def fault(kind, monkeypatch):
    monkeypatch.setitem(samples.SAMPLES, kind, FAULTS[kind])
    return samples.fault(kind, str(LASTS))


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("kind", FAULTS)
def test_the_undo_copes_with_what_players_did(stack, context, monkeypatch, kind, action):
    attack = _OfAnIdleStack(Experiment("t", "c", fault(kind, monkeypatch), [], Duration(seconds=5)), context)
    actions = Actions(context, LASTS)
    said = "not asked for"
    try:
        attack.check()
        attack.begin({})
        try:
            said = actions.do(action)
        except ChaosError as refused:  # such as draining what is drained: nothing was done then
            said = f"refused: {refused}"
    finally:
        began = time.monotonic()
        context.journal.replay(context.system, context.clock, only=context.owns)
        took = time.monotonic() - began
    assert not said.startswith("refused") or (action, kind) in MAY_BE_REFUSED, said
    assert context.journal.open() == [], said
    clean_after = took + await_clean(stack, f"`{action}` against {kind} ({said})")
    assert silences_of(context).left() == [], said
    print(f"{kind}, {action}: {said}; undone in {took:.1f} s, all well after {clean_after:.1f} s", flush=True)


def await_clean(stack, what):
    """Wait until nothing is left of it and everything serves; the seconds that took."""
    began = time.monotonic()
    while wrong := [*leftovers(stack), *(f"{name}: {why}" for name, why in unwell(stack).items())]:
        assert time.monotonic() < began + CLEAN_WITHIN_SECONDS, f"after {what} there is still: {'; '.join(wrong)}"
        time.sleep(0.2)
    return time.monotonic() - began
