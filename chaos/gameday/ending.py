"""The end of a round: judged and scored from its recording, the debrief written; and all that again, at any time."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from chaos.campaign import artifacts
from chaos.errors import GameRefused, InvalidFile
from chaos.facts import game, recording
from chaos.facts.files import EXPERIMENT_FILE
from chaos.facts.game import GAME_FILE, AnyGameFact, HoldEnded, Ready, Revealed, RoundBegan, Steered
from chaos.facts.recording import Recording
from chaos.facts.run import Injected, StagedInjected
from chaos.gameday import chosen, names, sealing
from chaos.gameday.decks import DEBRIEF_FILE, DEBRIEF_PAGE, SCORE_FILE
from chaos.gameday.sealing import SEAL_FILE, SEALED_FOLDER
from chaos.gameday.table import Table
from chaos.judge import round_score, window
from chaos.report import debrief
from chaos.report.debrief import Debrief
from chaos.spec.gameday import deck, seal, truth
from chaos.spec.gameday.seal import Seal
from chaos.spec.gameday.truth import Truth
from chaos.spec.values import Duration
from chaos.verdict.round import RoundScore


def is_round(folder: Path) -> bool:
    """Whether a game day's round was played in this run's folder."""
    return (folder / GAME_FILE).exists()


def write(folder: Path) -> Debrief:
    """Judge and score a revealed round, and write all that is told of it.

    A debrief that people may have written on is left as it is. Raises InvalidFile and GameRefused.
    """
    if sealing.is_sealed(folder):
        raise GameRefused(f"{folder.name} is still sealed: it is played, or `stormdrill gameday reveal` opens it")
    _leave_names_out(Table(folder))
    verdict = artifacts.judge_and_write(folder)
    facts, opened = Table(folder).facts, sealing.read(folder)
    true, score = score_again(folder)
    told = Debrief(verdict, score, facts, opened, true)
    (folder / SCORE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(told.score)) + b"\n")
    (folder / DEBRIEF_PAGE).write_text(debrief.html(told))
    if not (folder / DEBRIEF_FILE).exists():
        (folder / DEBRIEF_FILE).write_text(debrief.markdown(told))
    return told


def score_again(folder: Path) -> tuple[Truth, RoundScore]:
    """What was broken, and the score, from the recording of a revealed round. Raises InvalidFile and GameRefused."""
    recorded, facts = recording.read(folder), Table(folder).facts
    true = _truth(recorded, facts, sealing.read(folder))
    return true, round_score.score(recorded, facts, true)


def _truth(recorded: Recording, facts: Sequence[AnyGameFact], opened: Seal) -> Truth:
    """As long as it was held, and of what came in between only what really came."""
    spans = window.of(recorded)
    experiment = deck.played(recorded.experiment, opened.sealed.injects)
    if spans.injected is not None and spans.undoing is not None:
        lasted = Duration(seconds=max(1.0, round(spans.undoing - spans.injected)))
        experiment = msgspec.structs.replace(experiment, fault=msgspec.structs.replace(experiment.fault, for_=lasted))
    roles = next((fact.roles for fact in facts if isinstance(fact, RoundBegan)), {})
    came: dict[int | None, float] = {fact.staged: fact.at for fact in recorded.all(StagedInjected)}
    if spans.injected is not None:
        came[None] = spans.injected
    return truth.of_injected(experiment, opened.sealed.herring, roles, came, chosen.of(recorded))


def score_of(folder: Path) -> RoundScore:
    """The score that was written. Raises OSError and ValueError."""
    try:
        return msgspec.json.decode((folder / SCORE_FILE).read_bytes(), type=RoundScore)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def broken_seal(folder: Path, shown: str = "") -> list[str]:
    """What of a revealed round is not as it was sealed, in words; empty when every byte of seal and experiment is.

    `shown`: the commitment as somebody noted it before the round began; without it the round's own word is taken, which
    whoever can write there can change as well. Raises GameRefused where there is nothing that can be checked.
    """
    facts = Table(folder).facts
    began = next((fact for fact in facts if isinstance(fact, RoundBegan)), None)
    if began is None:
        raise GameRefused(f"{folder / GAME_FILE} does not say what was shown before the round began")
    try:
        written, experiment = (folder / SEAL_FILE).read_bytes(), (folder / EXPERIMENT_FILE).read_bytes()
    except OSError as error:
        raise GameRefused(f"{error}: a round that is still sealed cannot be checked") from error
    try:
        opened = seal.read(written)
    except ValueError as error:
        return [f"{SEAL_FILE}: {error}"]
    wrong = [] if seal.encode(opened) == written else [f"{SEAL_FILE} is not written as a seal is"]
    if shown not in ("", began.commitment):
        wrong.append(f"the round says that {began.commitment} was shown before it began, and not {shown}")
    # What is no text compares as what it is: every byte has a character of its own.
    text = experiment.decode(errors="surrogateescape")
    wrong += seal.broken(opened, shown or began.commitment, text, None)
    return wrong or [*seal.broken(opened, began.commitment, text, _injected_after(folder, facts))]


def _injected_after(folder: Path, facts: Sequence[AnyGameFact]) -> float | None:
    """Seconds from when the fault might come; None: nothing was injected, or the host said when."""
    try:
        injected = recording.read(folder).first(Injected)
    except ValueError as error:
        raise GameRefused(f"{folder}: the recording cannot be read: {error}") from error
    steered = any(isinstance(fact, Steered) and fact.how == "start" for fact in facts)
    ready = next((fact.at for fact in facts if isinstance(fact, Ready)), 0.0)
    return None if injected is None or steered else injected.at - ready


def reveal(folder: Path) -> Debrief:
    """Open a round that was broken off, close its table as whoever played it would have, and tell of it.

    Can be repeated where it was broken off itself. Raises GameRefused when it is played or open, and as `write` does.
    """
    table = Table(folder)
    if table.is_over and not sealing.is_sealed(folder):
        raise GameRefused(f"{folder.name} is not sealed")
    sealing.assert_left(folder)
    _close(table)
    sealing.reveal(folder)
    return write(folder)


def _close(table: Table) -> None:
    facts = table.facts
    if any(isinstance(fact, Revealed) for fact in facts):
        return
    recorded = _recorded(table.folder)
    # Its clock ended with who played it, or with the machine: the last that is known is when it was broken off.
    at = max([fact.at for fact in facts] + ([recorded.seconds] if recorded else []), default=0.0)
    held = recorded is not None and recorded.first(Injected) is not None
    try:
        if held and not any(isinstance(fact, HoldEnded) for fact in facts):
            game.append(table.file, HoldEnded(0, at, "broken off", None))
        game.append(table.file, Revealed(0, at))
    except OSError as error:
        raise GameRefused(f"the table cannot be closed: {error}") from error


def _recorded(folder: Path) -> Recording | None:
    """Its recording, sealed or not; None where there is none that can be read: `write` says what is wrong with it."""
    with contextlib.suppress(InvalidFile, ValueError):
        return recording.read(folder / SEALED_FOLDER if sealing.is_sealed(folder) else folder)
    return None


def _leave_names_out(table: Table) -> None:
    """Where the round was begun so; whoever played it may have come to his end before he could."""
    facts = table.facts
    wanted = any(isinstance(fact, RoundBegan) and fact.without_names for fact in facts)
    if wanted and names.left_out(facts) != facts:
        names.leave_out(table.file)
