"""The whole product: every fault, the runner killed in every phase. Hours; `make test-undo`."""

import pytest

from chaos.faults.table import hands_of
from chaos.spec.faults.table import FAULTS
from tests.undo.held import await_undone, system
from tests.undo.killed import PHASES, killed_in
from tests.undo.samples import fault

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_runner_killed_leaves_a_healthy_stack(stack, tmp_path, kind, phase):
    killed_in(phase, stack, tmp_path, kind)
    took = await_undone(stack)
    proof = hands_of(fault(kind, "2s")).undone(system(stack))
    # One that chooses at run time may not have chosen yet; then there is nothing to be said of it.
    assert proof.holds or phase in ("preflight", "warm-up", "baseline", "inject"), proof.detail
    assert stack.command("undo", "--target", stack.target) == (0, "nothing to undo\n")
    print(f"undone {took:.1f} s after the kill; {proof.detail}")
