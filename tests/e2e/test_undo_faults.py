"""Every fault is put back by the watchdog when its runner is killed at hold, and one fault where more is at stake.

Every fault in every phase takes hours: tests/undo.
"""

import pytest

from chaos.faults.table import hands_of
from tests.undo import samples
from tests.undo.held import await_undone, held, system
from tests.undo.killed import cannot_undo, killed_in
from tests.undo.leftovers import leftovers

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.mark.parametrize("kinds", samples.TOGETHER, ids="+".join)
def test_the_watchdog_undoes_what_a_killed_runner_held(stack, tmp_path, kinds):
    with held(stack, tmp_path, *kinds) as runner:
        if not samples.AT_ONCE_OVER.issuperset(kinds):
            assert leftovers(stack), "nothing is to be seen of it, so that its undo would prove nothing"
        runner.kill()
        print(f"undone {await_undone(stack):.1f} s after the kill")
    for kind in kinds:
        proof = hands_of(samples.fault(kind, "60s")).undone(system(stack))
        assert proof.holds, f"{kind}: {proof.detail}"


# With a load and no fault yet, between record and proof, and between the undo and its proof.
@pytest.mark.parametrize("phase", ["baseline", "inject", "undo"])
def test_a_runner_killed_leaves_a_healthy_stack(stack, tmp_path, phase):
    killed_in(phase, stack, tmp_path, "process.kill")
    await_undone(stack)
    assert stack.command("undo", "--target", stack.target) == (0, "nothing to undo\n")


def test_an_undo_that_fails_exits_5_and_says_by_hand_what_to_do(stack, runs, tmp_path, supervisor):
    toxiproxy = next(row.pid for row in supervisor.processes() if row.name == "toxiproxy")
    code, output, run = cannot_undo(toxiproxy, stack, tmp_path, "network.latency")
    assert code == 5, output
    assert "BY HAND: curl -X DELETE" in output
    assert runs.verdict(run)["by_hand"]
    await_undone(stack)  # by the watchdog, which goes on trying
