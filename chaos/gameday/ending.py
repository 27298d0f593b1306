"""The end of a round: judged and scored from its recording, the debrief written; and all that again, at any time."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from chaos.campaign import artifacts
from chaos.errors import GameRefused
from chaos.facts import recording
from chaos.facts.files import EXPERIMENT_FILE
from chaos.facts.game import GAME_FILE, AnyGameFact, Ready, RoundBegan, Steered
from chaos.facts.recording import Recording
from chaos.facts.run import Injected, StagedInjected
from chaos.gameday import sealing
from chaos.gameday.decks import DEBRIEF_FILE, DEBRIEF_PAGE, SCORE_FILE
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
    verdict, recorded = artifacts.judge_and_write(folder), recording.read(folder)
    facts, opened = Table(folder).facts, sealing.read(folder)
    true = _truth(recorded, facts, opened)
    told = Debrief(verdict, round_score.score(recorded, facts, true), facts, opened, true)
    (folder / SCORE_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(told.score)) + b"\n")
    (folder / DEBRIEF_PAGE).write_text(debrief.html(told))
    if not (folder / DEBRIEF_FILE).exists():
        (folder / DEBRIEF_FILE).write_text(debrief.markdown(told))
    return told


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
    return truth.of_injected(experiment, opened.sealed.herring, roles, came)


def score_of(folder: Path) -> RoundScore:
    """The score that was written. Raises OSError and ValueError."""
    try:
        return msgspec.json.decode((folder / SCORE_FILE).read_bytes(), type=RoundScore)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def broken_seal(folder: Path) -> list[str]:
    """What of a revealed round is not as it was sealed, in words. Raises GameRefused."""
    opened, facts = sealing.read(folder), Table(folder).facts
    began = next((fact for fact in facts if isinstance(fact, RoundBegan)), None)
    if began is None:
        raise GameRefused(f"{folder / GAME_FILE} does not say what was shown before the round began")
    try:
        experiment = (folder / EXPERIMENT_FILE).read_text()
    except OSError as error:
        raise GameRefused(f"{error}: a round that is still sealed cannot be checked") from error
    injected = recording.read(folder).first(Injected)
    steered = any(isinstance(fact, Steered) and fact.how == "start" for fact in facts)
    ready = next((fact.at for fact in facts if isinstance(fact, Ready)), 0.0)
    after = None if injected is None or steered else injected.at - ready
    return [*seal.broken(opened, began.commitment, experiment, after)]
