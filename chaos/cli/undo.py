"""Undoes what earlier runs left behind, unless a runner is at work on it."""

import sys
from pathlib import Path

from chaos.cli.run import assert_free
from chaos.control.of_target import control_of
from chaos.errors import ChaosError, UndoFailed
from chaos.faults.hands import System
from chaos.machine.clock import SystemClock
from chaos.machine.interrupts import Interrupts
from chaos.spec.faults.table import FAULTS
from chaos.spec.target import Target
from chaos.undo.journal import UndoJournal
from chaos.undo.lease import LeaseFile

_OUTLIVE = [kind for kind, fault in FAULTS.items() if fault.OUTLIVES_THE_STACK]
_WAY_OUT = "`make undo` with the release that wrote them; or `make down`, which ends the stack with all that is in it"


def undo(target: Target, interrupts: Interrupts) -> int:
    """Undo everything that is open, and prove it. Raises RunInProgress and UndoFailed.

    A second signal skips waiting for proofs: Interrupted is raised when one was.
    """
    assert_free(target.state_folder, "it undoes itself, end it with Ctrl-C")
    system, clock = System(target, control_of(target)), SystemClock()
    gone = LeaseFile(target.state_folder, clock).fence()
    done = UndoJournal(target.state_folder).replay(system, clock, patience=lambda: not interrupts.in_a_hurry, note=gone)
    said = [f"{_word(proof.holds)}: {record.told(proof.detail)}" for record, proof in done]
    print(*said or ["nothing to undo"], sep="\n")
    if not gone:
        who = "a runner that hangs and cannot be ended may break it again"
        raise UndoFailed([f"undone for now: {who}"], ["end the runner, or reboot, then `make undo` again"])
    if not all(proof.holds for _, proof in done):
        interrupts.check()
    return 0


def undo_before_up(state: Path, target: Target | None) -> None:
    """Undo what is open in a stack that may be about to be replaced.

    Raises UndoFailed where nobody knows what there is to undo: the records, or the target, are another release's.
    """
    journal = UndoJournal(state)
    if unknown := journal.unreadable() or (target is None and [record.by_hand() for record in journal.open()]):
        raise UndoFailed([f"{state} holds undo records of another release: {line}" for line in unknown], [_WAY_OUT])
    _undo_at_once(journal, target)


def undo_before_down(state: Path, target: Target | None) -> None:
    """Undo what is open without waiting for proofs; says what cannot be.

    Raises UndoFailed where something that outlives the stack is not put back: with the stack its record would go.
    """
    journal = UndoJournal(state)
    if target is None and (left := [*journal.unreadable(), *(record.by_hand() for record in journal.open())]):
        print("stormdrill: not undone, as another release wrote it:", *left, sep="\n  ", file=sys.stderr)
    if kept := _left_of_what_outlives(journal, target):
        raise UndoFailed(["something is broken that outlives the stack, and its record would go with it"], kept)
    _undo_at_once(journal, target)


def _left_of_what_outlives(journal: UndoJournal, target: Target | None) -> list[str]:
    """What a human does about it, one line each; empty when all is put back."""
    kept = [line for line in journal.unreadable() if any(f'"{kind}"' in line for kind in _OUTLIVE)]
    records = [record for record in journal.open() if record.outlives_the_stack]
    if target is None:
        return kept + [record.by_hand() for record in records]
    LeaseFile(target.state_folder, SystemClock()).fence()
    system = System(target, control_of(target))
    for record in records:
        on_its_behalf = system.on_behalf_of(record.number, record.cover)
        try:
            record.undo.undo(on_its_behalf)
            left = not record.undo.gone(on_its_behalf).holds
        except (ChaosError, OSError) as error:
            print(f"stormdrill: not undone: {error}", file=sys.stderr)
            left = True
        kept += [record.by_hand()] if left else []
    return kept


def _undo_at_once(journal: UndoJournal, target: Target | None) -> None:
    if target is None or not (journal.open() or journal.unreadable()):
        return
    gone = LeaseFile(target.state_folder, SystemClock()).fence()
    try:
        journal.replay(System(target, control_of(target)), SystemClock(), patience=lambda: False, note=gone)
    except UndoFailed as error:
        # The stack goes away anyway, and a load ends by itself.
        print(f"stormdrill: not undone: {error}", file=sys.stderr)


def _word(holds: bool) -> str:
    return "undone" if holds else "undone, but not waited for its proof"
