"""The undo records of a stack: on disk before anything is changed, replayed last-in-first-out.

One file in the state folder, its owner's alone, as it says what is broken: a line per record and a line when it is
undone, each fsynced. Runner, watchdog and `make undo` replay the same way; a lock lets only one of them do so at once.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

import msgspec

from chaos.errors import FaultFailed, UndoFailed
from chaos.faults import saved_state
from chaos.faults.hands import Proof, System
from chaos.faults.table import hands_of
from chaos.machine import remembered
from chaos.machine.clock import Clock
from chaos.machine.durable import folder_on_disk, open_private
from chaos.machine.lock import LockBusy, locked
from chaos.spec import values
from chaos.spec.faults.table import AnyFault
from chaos.undo.end_silence import EndSilence
from chaos.undo.stop_load import StopLoad

PROVEN_WITHIN_SECONDS = 20.0
_RETRY_EVERY_SECONDS = 0.2
_REGISTERED_WITHIN_SECONDS = 5.0
_OTHERS_DONE_WITHIN_SECONDS = 120.0
"""For so long another process may be undoing: several records, each proven within its time."""
_OF_A_SEALED_RUN = " (a sealed run: its toxic, connections, keys or file are called by ten hexadecimal digits instead)"

Undoable: TypeAlias = AnyFault | StopLoad | EndSilence


class CanUndo(Protocol):
    """What replaying needs of a record."""

    def undo(self, system: System) -> None:
        """Put it back; safe to repeat."""

    def undone(self, system: System) -> Proof:
        """Look whether it is put back."""

    def gone(self, system: System) -> Proof:
        """Look whether nothing of it is left, whatever became of what it hit."""

    def by_hand(self) -> str:
        """What a human does when it is not."""


class UndoRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing a run changed, or is about to change."""

    number: int
    run_id: str
    experiment_id: str
    what: Undoable
    cover: str = ""
    """Of a sealed run: what the names are made of by which its undo finds what the fault left."""

    @property
    def outlives_the_stack(self) -> bool:
        """Whether it has to be put back also when the stack is taken down."""
        return self.what.OUTLIVES_THE_STACK

    @property
    def undo(self) -> CanUndo:
        """Who puts it back."""
        return self.what if isinstance(self.what, StopLoad | EndSilence) else hands_of(self.what)

    def told(self, detail: str) -> str:
        """What may be said of its undo where others read it: all, or of a sealed run that there was one."""
        return f"something sealed of run {self.run_id}" if self.cover else detail

    def by_hand(self) -> str:
        """What a human does when it is not undone."""
        return f"{self.undo.by_hand()}{_OF_A_SEALED_RUN if self.cover else ''}"


class _Done(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    done: int


class UndoJournal:
    """The undo records of one stack."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._file = state / "undo.ndjson"
        self._journal_lock = state / "undo.journal"
        # Replaying takes long and has a lock of its own, so that registering never waits for it.
        self._replay_lock = state / "undo.undo"
        self._not_noted: set[int] = set()

    def register(self, run_id: str, experiment_id: str, what: Undoable, cover: str = "") -> UndoRecord:
        """Put a record on disk; when this returns, it survives a crash of the machine. Raises FaultFailed."""
        try:
            with locked(self._journal_lock, _REGISTERED_WITHIN_SECONDS, private=True):
                record = UndoRecord(self._next_number(), run_id, experiment_id, what, cover)
                self._append(msgspec.json.encode(record, enc_hook=values.encode))
        except (LockBusy, OSError) as error:
            raise FaultFailed(f"its undo cannot be recorded: {error}") from error
        return record

    def open(self) -> list[UndoRecord]:
        """What is not undone yet, in the order in which it was registered."""
        records: dict[int, UndoRecord] = {}
        for line in self._lines():
            entry = _decode(line)
            if isinstance(entry, _Done):
                records.pop(entry.done, None)
            elif entry is not None:
                records[entry.number] = entry
        return list(records.values())

    def unreadable(self) -> list[str]:
        """What another release wrote and this one cannot read, as it stands, unless it says that it is undone."""
        found: dict[int, str] = {}
        for place, line in enumerate(self._lines(), 1):
            entry = _decode(line)
            if isinstance(entry, _Done):
                found.pop(entry.done, None)
            elif entry is None and _is_whole(line):
                found[place] = line.decode(errors="replace")
        return list(found.values())

    def replay(
        self,
        system: System,
        clock: Clock,
        only: Callable[[UndoRecord], bool] | None = None,
        patience: Callable[[], bool] = lambda: True,
        note: bool = True,
    ) -> list[tuple[UndoRecord, Proof]]:
        """Undo what is open and matches `only`, last first, and then prove each within PROVEN_WITHIN_SECONDS.

        Where all is meant, what is unreadable counts as not undone. No write is needed: a record that is undone and
        cannot be noted as such stays open, its proof says so, and it may be undone again. Nor is it noted without
        `note`, for whoever cannot say that nobody acts any more.

        `patience` is asked while it waits for a proof; when it says no, the wait ends, never the undo: such a
        record is returned with a proof that does not hold, and stays open for whoever replays next.
        Tries every record, then raises UndoFailed with all that went wrong; also when another process has been
        undoing for two minutes.
        """
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(locked(self._replay_lock, _OTHERS_DONE_WITHIN_SECONDS, private=True))
            except LockBusy as busy:
                to_do = ["end the process that undoes without an end, then `make undo`"]
                raise UndoFailed([str(busy)], to_do) from busy
            except OSError:
                pass  # it may not be looked at any more: to undo twice at once harms less than not to undo
            return self._replay(system, clock, only, patience, note)

    def _replay(
        self,
        system: System,
        clock: Clock,
        only: Callable[[UndoRecord], bool] | None,
        patience: Callable[[], bool],
        note: bool,
    ) -> list[tuple[UndoRecord, Proof]]:
        self._note_what_was_not()
        done: list[tuple[UndoRecord, Proof]] = []
        failures: list[str] = []
        by_hand: list[str] = []
        waiting = [record for record in self.open() if record.number not in self._not_noted]
        meant = [record for record in reversed(waiting) if only is None or only(record)]
        # Each is put back before any is waited for: a server that was drained is in use again only once its instance,
        # which was killed before that, runs.
        tried = {one.number: _try(one, system) for one in meant if not isinstance(one.what, EndSilence)}
        # Silences last: nobody waits for an Alertmanager that does not answer before a fault is undone.
        for record in sorted(meant, key=lambda one: isinstance(one.what, EndSilence)):
            try:
                proof = _proven(record, system, clock, patience, tried.get(record.number) or _try(record, system))
            except UndoFailed as error:
                failures += error.failures
                by_hand += error.by_hand
                continue
            done.append((record, self._noted(record, proof) if proof.holds and note else proof))
        if only is None and (unreadable := self.unreadable()):
            failures += [f"another release wrote, and this one cannot read: {line}" for line in unreadable]
            by_hand.append(f"`make undo` with that release, or, when it is put back, remove it from {self._file}")
        if failures:
            raise UndoFailed(failures, by_hand)
        return done

    def _noted(self, record: UndoRecord, proof: Proof) -> Proof:
        try:
            self._append(msgspec.json.encode(_Done(record.number)))
        except OSError as error:
            self._not_noted.add(record.number)
            return Proof(True, f"{proof.detail}; that it is undone cannot be noted: {error}")
        self._not_noted.discard(record.number)
        saved_state.forget(self._state, record.number)
        return proof

    def _note_what_was_not(self) -> None:
        """What was undone and proven is not undone once more, which may be against an operator's wish: only noted."""
        for record in self.open():
            if record.number in self._not_noted:
                self._noted(record, Proof(True, ""))

    def _next_number(self) -> int:
        return sum(1 for _ in self._lines()) + 1

    def _lines(self) -> list[bytes]:
        """As they are, or, where they may not be looked at any more, as they were when they last could be.

        Raises OSError where they never could be: then nobody knows what there is to undo.
        """
        return (remembered.read(self._file) or b"").splitlines()

    def _append(self, line: bytes) -> None:
        torn = self._file.exists() and not self._file.read_bytes().endswith(b"\n") and self._file.stat().st_size
        with os.fdopen(open_private(self._file, os.O_WRONLY | os.O_APPEND), "ab") as file:
            file.write((b"\n" if torn else b"") + line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        folder_on_disk(self._file.parent)


def _decode(line: bytes) -> UndoRecord | _Done | None:
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(line, type=_Done)
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(line, type=UndoRecord, dec_hook=values.decode)
    return None  # torn by a crash before its fsync ended: what it announced never began


def _is_whole(line: bytes) -> bool:
    with contextlib.suppress(msgspec.DecodeError):
        return isinstance(msgspec.json.decode(line), dict)
    return False


def _try(record: UndoRecord, system: System) -> tuple[Proof, str]:
    """Undo it and look; the proof, and what went wrong, in words, where something did."""
    undo, system = record.undo, system.on_behalf_of(record.number, record.cover)
    # The engine's one catch-all: whatever goes wrong with one undo, it is tried again, and then the next is.
    try:
        undo.undo(system)
        return undo.undone(system), ""
    except Exception as error:
        return Proof(False, "not undone"), f"{type(error).__name__}: {error}"


def _proven(
    record: UndoRecord, system: System, clock: Clock, patience: Callable[[], bool], tried: tuple[Proof, str]
) -> Proof:
    """Try it again, after this first time, until it is proven."""
    deadline = clock.monotonic() + PROVEN_WITHIN_SECONDS
    proof, trouble = tried
    while not proof.holds:
        if not trouble and not patience():
            return proof
        if clock.monotonic() > deadline or not patience():
            raise UndoFailed([trouble or proof.detail], [record.by_hand()])
        clock.wait(_RETRY_EVERY_SECONDS)
        proof, trouble = _try(record, system)
    return proof
