"""Undoes what earlier runs left behind, unless a runner is at work on it."""

import sys

from chaos import target as targets
from chaos.clock import SystemClock
from chaos.commands.run import assert_free
from chaos.errors import UndoFailed
from chaos.faults import System
from chaos.target import Target
from chaos.undo import UndoJournal


def undo(target: Target) -> int:
    """Undo everything that is open, and prove it. Raises RunInProgress and UndoFailed."""
    assert_free(target.state_folder, "it undoes itself, end it with Ctrl-C")
    done = UndoJournal(target.state_folder).replay(System(target, targets.control(target)), SystemClock())
    print(*[f"undone: {proof.detail}" for _, proof in done] or ["nothing to undo"], sep="\n")
    return 0


def undo_before_down(target: Target) -> None:
    """Undo what is open without waiting for proofs. Raises RunInProgress."""
    assert_free(target.state_folder, "end it with Ctrl-C first")
    system = System(target, targets.control(target))
    try:
        UndoJournal(target.state_folder).replay(system, SystemClock(), patience=lambda: False)
    except UndoFailed as error:
        # The stack goes away anyway; only what is outside it, the load, would matter.
        print(f"stormdrill: {error}", file=sys.stderr)
