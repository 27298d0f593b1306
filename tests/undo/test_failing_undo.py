"""An undo whose means do not answer: the run exits 5 and says by hand what to do, and the watchdog goes on trying."""

import pytest

from tests.undo.held import await_undone
from tests.undo.killed import cannot_undo

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def test_a_process_manager_that_does_not_answer(stack, tmp_path):
    supervisord = int((stack.settings.state / "supervisord.pid").read_text())
    code, output, _ = cannot_undo(supervisord, stack, tmp_path, "process.kill")
    assert code == 5, output
    assert "BY HAND: start shop-1 again" in output
    await_undone(stack)
