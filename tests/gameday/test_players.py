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
from tests.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.slow]

LASTS = Duration(seconds=120)
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
    said = "refused"
    try:
        attack.check()
        attack.begin({})
        try:
            said = actions.do(action)
        except ChaosError as refused:  # such as draining what is drained: nothing was done then
            said = f"refused: {refused}"
    finally:
        context.journal.replay(context.system, context.clock, only=context.owns)
    assert context.journal.open() == [], said
    until(lambda: not leftovers(stack) and not unwell(stack), 60)
    assert silences_of(context).left() == []
