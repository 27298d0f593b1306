"""Rounds that were played, from the command line: what came of one, whether its seal holds, opening one, and all."""

import argparse
from pathlib import Path

from chaos.campaign import artifacts
from chaos.cli import whose
from chaos.errors import GameRefused, InvalidFile
from chaos.gameday import decks, ending, sealing
from chaos.report import plain, words
from chaos.report.debrief import Debrief, of_part


def tell(told: Debrief, folder: Path) -> None:
    """Print what came of a round that was just played."""
    print(f"\nThe truth: {told.truth.words}.\n")
    rows = [("", "you", "par", "")] + [(part.name, *of_part(part), part.words) for part in told.score.parts]
    rows.append(("hints", str(told.score.hints), "0", ""))
    print(*(f"  {name:<12}{you:>14}{par:>14}  {words}".rstrip() for name, you, par, words in rows), sep="\n")
    print(*(plain.line(f"  gap: {gap}") for gap in told.score.gaps), sep="\n")
    if not told.score.ended:
        print(*(plain.line(f"  why: {why}") for why in words.reasons(told.verdict)), sep="\n")
    print(*(f"by hand: {step}" for step in told.verdict.by_hand), sep="\n")
    shown = artifacts.shown(folder / decks.DEBRIEF_PAGE)
    outcome = f"{told.verdict.outcome.value}, exit {told.verdict.exit_code} of the run"
    print(f"stormdrill: round over, {told.score.ended or 'nothing was injected'} ({outcome}); debrief {shown}")


def verify(arguments: argparse.Namespace) -> int:
    """Whether its seal fits what was played; the exit code."""
    folder = folder_of(arguments)
    if wrong := ending.broken_seal(folder, arguments.shown or ""):
        print(*(f"stormdrill: the seal is broken: {one}" for one in wrong), sep="\n")
        return 1
    print(f"stormdrill: {folder.name} was played as it was sealed: {sealing.read(folder).commitment}")
    if not arguments.shown:
        print("stormdrill: that this was shown before the round began is its own word: `--shown HASH` checks yours")
    return 0


def reveal(arguments: argparse.Namespace) -> int:
    """Open a round that was broken off, and tell of it. Raises GameRefused while it is played."""
    folder = folder_of(arguments)
    tell(ending.reveal(folder), folder)
    return 0


def show_all(arguments: argparse.Namespace) -> int:
    """One line for each round there is."""
    for folder in decks.rounds(whose.runs(arguments.target)):
        try:
            told = "sealed" if sealing.is_sealed(folder) else _told(folder)
        except (GameRefused, InvalidFile, ValueError, OSError) as error:
            told = f"cannot be read: {error}"
        print(f"{folder.name}  {told}")
    return 0


def _told(folder: Path) -> str:
    score = ending.score_of(folder)
    parts = [f"{part.name} {of_part(part)[0]}" for part in score.parts]
    return f"{score.ended or 'nothing was injected'}; {', '.join(parts)}"


def folder_of(arguments: argparse.Namespace) -> Path:
    """The round's that was named, else the latest. Raises GameRefused where it is none."""
    folder: Path = (arguments.run or whose.runs(arguments.target) / "latest").resolve()
    if not ending.is_round(folder):
        raise GameRefused(f"{folder} is no round of a game day: `stormdrill gameday list` names them")
    return folder
