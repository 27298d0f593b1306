"""A game day from the command line: play a round, join one, check its seal, open one that was broken off."""

import argparse
import hashlib
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chaos.campaign import artifacts, revision
from chaos.cli import run, stack
from chaos.cli.stack import EXPERIMENTS, ROOT
from chaos.control.of_target import control_of
from chaos.drill.progress import Progress
from chaos.errors import GameRefused, InvalidFile
from chaos.faults.hands import System
from chaos.gameday import decks, ending, play, sealing
from chaos.gameday.play import Drawing, Setting
from chaos.gameday.screen import HELP, Screen
from chaos.gameday.table import Table
from chaos.machine.clock import SystemClock
from chaos.machine.interrupts import Interrupts
from chaos.observe import pace
from chaos.report.debrief import Debrief, of_part
from chaos.spec import experiment as experiments
from chaos.spec import panel
from chaos.spec.gameday import deck as deck_file
from chaos.spec.gameday.deck import Deck
from chaos.spec.target import Target
from chaos.undo.own_watchdog import own_watchdog

DECKS = Path(__file__).parent.parent / "decks"
OWN_DECK = DECKS / "shop.yaml"
_PACE = "10"
"""Of our own stack, for people: what waits five minutes in production waits half a minute."""
_PACE_SETTING = "STORMDRILL_PACE"
_LOOK_SECONDS = 0.3


def gameday(arguments: argparse.Namespace) -> int:
    """Do what was asked for; the exit code."""
    does: dict[str, Callable[[argparse.Namespace], int]] = {
        "play": _play,
        "join": _join,
        "verify": _verify,
        "reveal": _reveal,
        "list": _list,
    }
    return does[arguments.what](arguments)


def _play(arguments: argparse.Namespace) -> int:
    known = stack.vocabulary(arguments.target)
    deck = deck_file.read(arguments.deck or OWN_DECK, EXPERIMENTS)
    seed, place = _seed(arguments)
    progress, interrupts = Progress(), Interrupts()
    interrupts.listen("the round ends, what was begun is undone; a second signal skips waiting for proofs")
    if arguments.target is None:
        os.environ.setdefault(_PACE_SETTING, str(stack.pace_of_what_is_up() or _PACE))
    target = stack.target_of(arguments.target, progress, interrupts)
    target.state_folder.mkdir(parents=True, exist_ok=True)
    run.assert_free(target.state_folder)
    system = System(target, control_of(target))
    setting = Setting(
        system, known.alerts, tuple(panel.of_target(target)), revision.of(ROOT), arguments.name, arguments.host
    )
    items = decks.open_items(target.runs_folder)
    _welcome(deck, items)
    for number in range(arguments.rounds or deck.rounds):
        drawn = _draw(arguments, deck, (seed, place + number), target, progress)
        with own_watchdog(target, arguments.target):
            told = play.play(drawn, setting, interrupts, items, progress)
        _tell(told, target.runs_folder / told.verdict.run_id)
    return 0


def _draw(
    arguments: argparse.Namespace, deck: Deck, seed: tuple[int, int], target: Target, progress: Progress
) -> Drawing:
    known = stack.vocabulary(arguments.target)
    read, place = partial(experiments.read, vocabulary=known), arguments.deck or OWN_DECK
    among = None
    if arguments.principle:
        files = {card.experiment: deck_file.file_of(card, place, EXPERIMENTS) for card in deck.cards}
        among = {name for name, file in files.items() if read(file).principle == arguments.principle}
    drawn = deck_file.draw(deck, *seed, arguments.difficulty, among)
    file = deck_file.file_of(drawn.card, place, EXPERIMENTS)
    experiment = read(file)
    at = pace.of(target, experiment, SystemClock(), progress.note)
    return play.drawing(deck, file, experiment, drawn, seed, at)


def _seed(arguments: argparse.Namespace) -> tuple[int, int]:
    """The seed, and which round of its day."""
    if arguments.rematch:
        sealed = sealing.read(arguments.rematch.resolve()).sealed
        return sealed.seed, sealed.place
    if arguments.daily:
        print(
            "stormdrill: the round of the day is the same for everybody: that nobody looks is a promise among friends"
        )
        return int.from_bytes(hashlib.sha256(time.strftime("%Y-%m-%d").encode()).digest()[:8]), 0
    return (play.new_seed() if arguments.seed is None else arguments.seed), 0


def _welcome(deck: Deck, items: list[str]) -> None:
    print(f"{deck.title}. Until the reveal nobody knows what is broken; what happens is printed here.")
    print(f"Type, with Enter:\n{HELP}")
    if items:
        print("Still open from last time:", *(f"  [ ] {item}" for item in items), sep="\n")


def _tell(told: Debrief, folder: Path) -> None:
    print(f"\nThe truth: {told.truth.words}.\n")
    rows = [("", "you", "par", "")] + [(part.name, *of_part(part), part.words) for part in told.score.parts]
    rows.append(("hints", str(told.score.hints), "0", ""))
    print(*(f"  {name:<12}{you:>14}{par:>14}  {words}".rstrip() for name, you, par, words in rows), sep="\n")
    print(*(f"  gap: {gap}" for gap in told.score.gaps), sep="\n")
    shown = artifacts.shown(folder / decks.DEBRIEF_PAGE)
    print(f"stormdrill: round over, {told.score.ended or 'nothing was injected'}; debrief {shown}")


def _join(arguments: argparse.Namespace) -> int:
    table = Table(_folder(arguments))
    table.join(arguments.name, "host" if arguments.host else "player")
    screen = Screen(table, arguments.name)
    print(HELP)
    screen.listen()
    while not table.is_over:
        screen.show()
        time.sleep(_LOOK_SECONDS)
    screen.show()
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    folder = _folder(arguments)
    if wrong := ending.broken_seal(folder):
        print(*(f"stormdrill: the seal is broken: {one}" for one in wrong), sep="\n")
        return 1
    print(f"stormdrill: {folder.name} was played as it was sealed: {sealing.read(folder).commitment}")
    return 0


def _reveal(arguments: argparse.Namespace) -> int:
    folder = _folder(arguments)
    if not sealing.is_sealed(folder):
        raise GameRefused(f"{folder.name} is not sealed")
    run.assert_free(stack.state_folder(arguments.target), "it opens its seal itself when it is over")
    sealing.reveal(folder)
    _tell(ending.write(folder, []), folder)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    for folder in decks.rounds(stack.runs()):
        try:
            sealed = sealing.is_sealed(folder)
            words = "sealed" if sealed else _told(folder)
        except (GameRefused, InvalidFile, ValueError, OSError) as error:
            words = f"cannot be read: {error}"
        print(f"{folder.name}  {words}")
    return 0


def _told(folder: Path) -> str:
    score = ending.score_of(folder)
    parts = [f"{part.name} {of_part(part)[0]}" for part in score.parts]
    return f"{score.ended or 'nothing was injected'}; {', '.join(parts)}"


def _folder(arguments: argparse.Namespace) -> Path:
    folder: Path = (arguments.run or stack.runs() / "latest").resolve()
    if not ending.is_round(folder):
        raise GameRefused(f"{folder} is no round of a game day: `stormdrill gameday list` names them")
    return folder
