"""A game day from the command line: play a round, join or abort one, check its seal, open one that was broken off."""

import argparse
import getpass
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chaos.campaign import artifacts, revision
from chaos.cli import checkout, console, production, rounds, run, whose
from chaos.cli.checkout import ROOT
from chaos.cli.whose import experiments_of
from chaos.control.of_target import control_of
from chaos.drill.progress import Progress
from chaos.errors import GameRefused
from chaos.facts.game import HoldEnded, Joined, Ready, Steered
from chaos.faults.hands import System
from chaos.gameday import decks, play, runbooks, sealing
from chaos.gameday.coach import Coach
from chaos.gameday.play import Drawing, Setting
from chaos.gameday.screen import HELP, Screen
from chaos.gameday.table import Table
from chaos.gameday.typed import Typed
from chaos.gameday.unhurried import Unhurried
from chaos.machine.clock import SystemClock
from chaos.machine.interrupts import Interrupts
from chaos.observe import pace
from chaos.report import durations, plain
from chaos.spec import experiment as experiments
from chaos.spec import panel, yamlfile
from chaos.spec.gameday import deck as deck_file
from chaos.spec.gameday.deck import Deck
from chaos.spec.gameday.seal import Sealed
from chaos.spec.target import Target
from chaos.undo.own_watchdog import own_watchdog
from chaos.verdict.verdict import ExitCode

OWN_DECK = Path(__file__).parent.parent / "decks" / "shop.yaml"
SEED_SETTING = "STORMDRILL_SEED"
"""As `--seed`, which everybody can read in the list of processes."""
_PACE = "10"
"""Of our own stack, for people: what waits five minutes in production waits half a minute."""
_PACE_SETTING = "STORMDRILL_PACE"
_ONLY_HERE = "What you do, do with `do`: a fault that was ended in another way breaks the round off."
"""As nobody could say then who or what had ended it; runbooks name commands for everywhere."""
_LOOK_SECONDS = 0.3
_LAST_WORDS_SECONDS = 2.0
_ABORTED_WITHIN_SECONDS = 40.0
"""By when whoever plays a round has heard that it is to end, also when a fault is just being put back."""
_PLAYED = (ExitCode.HELD, ExitCode.DEVIATED, ExitCode.INCONCLUSIVE)
"""A round that was played, whatever its verdict; after any other, and after an abort, the day does not go on."""


def gameday(arguments: argparse.Namespace) -> int:
    """Do what was asked for; the exit code."""
    if arguments.replay:
        arguments.what, arguments.run = "replay", arguments.replay
    does: dict[str, Callable[[argparse.Namespace], int]] = {
        "play": _play,
        "join": _join,
        "abort": _abort,
        "verify": rounds.verify,
        "reveal": rounds.reveal,
        "list": rounds.show_all,
        "replay": lambda given: console.replay(given, rounds.folder_of(given)),
    }
    return does[arguments.what](arguments)


def _play(arguments: argparse.Namespace) -> int:
    deck = deck_file.read(arguments.deck or OWN_DECK, experiments_of(arguments))
    production.assert_meant(arguments.target, arguments.yes, _files(deck, arguments))
    if not arguments.rematch:
        _check(deck, arguments)
    seed, place = _seed(arguments)
    progress, interrupts = Progress(), Interrupts()
    interrupts.listen("the round ends, what was begun is undone; a second signal skips waiting for proofs")
    if arguments.target is None:
        os.environ.setdefault(_PACE_SETTING, str(whose.pace_of_what_is_up() or _PACE))
    target = whose.target_of(arguments.target, progress, interrupts, whole=True)
    run.assert_let_in(target, arguments.target)
    target.state_folder.mkdir(parents=True, exist_ok=True)
    run.assert_free(target.state_folder)
    terminal, typed = Unhurried(sys.stdout), Typed()
    setting = _setting(arguments, target, typed, terminal)
    with console.beside(arguments, target.runs_folder, progress) as shown:
        _welcome(deck, arguments, target)
        code = _rounds(arguments, deck, (seed, place), (setting, terminal, typed), interrupts, progress)
        if shown:
            console.stays(typed.listen, interrupts)
    return code


def _rounds(
    arguments: argparse.Namespace,
    deck: Deck,
    seed: tuple[int, int],
    shown: tuple[Setting, Unhurried, Typed],
    interrupts: Interrupts,
    progress: Progress,
) -> int:
    (setting, terminal, typed), (seed_, place), code = shown, seed, 0
    target = setting.system.target
    for number in range(1 if arguments.rematch else arguments.rounds or deck.rounds):
        if number and not _goes_on(typed, interrupts):
            break
        items = decks.open_items(target.runs_folder)
        print(*(plain.line(f"still open from last time: [ ] {item}") for item in items), sep="\n")
        drawn = _draw(arguments, deck, (seed_, place + number), target, progress)
        with own_watchdog(target, arguments.target):
            told = play.play(drawn, setting, interrupts, items, progress)
        terminal.drain(_LAST_WORDS_SECONDS)
        rounds.tell(told, target.runs_folder / told.verdict.run_id)
        print(f"stormdrill: the rounds of the day: {artifacts.shown(decks.write_day(target.runs_folder))}")
        code = told.verdict.exit_code
        stopped = any(isinstance(fact, Steered) and fact.how == "abort" for fact in told.facts)
        if code not in _PLAYED or interrupts.arrived or stopped:
            return code
    # That a claim was refuted is what the round was about, and no failure of the day.
    return 0


def _goes_on(typed: Typed, interrupts: Interrupts) -> bool:
    """Whether the next round comes: at a terminal once people have read what came of the last, and want it."""
    if sys.stdin.isatty():
        print("stormdrill: the next round comes when you press Enter", flush=True)
        console.until_enter(typed.listen, interrupts)
    return not interrupts.arrived


def _setting(arguments: argparse.Namespace, target: Target, typed: Typed, terminal: Unhurried) -> Setting:
    def screen(table: Table, who: str) -> Screen:
        made = Screen(table, who, terminal, checkout.runbooks(), Coach() if arguments.practice else None, target)
        typed.listen(made.do)
        return made

    return Setting(
        System(target, control_of(target)),
        whose.vocabulary(arguments.target).should_run,
        tuple(panel.of_target(target)),
        revision.of(ROOT),
        _name(arguments),
        screen,
        arguments.host,
        arguments.without_names,
    )


def _draw(
    arguments: argparse.Namespace, deck: Deck, seed: tuple[int, int], target: Target, progress: Progress
) -> Drawing:
    read = partial(experiments.read, vocabulary=whose.vocabulary(arguments.target))
    if arguments.rematch:
        sealed = sealing.read(arguments.rematch.resolve()).sealed
        [file] = _files(deck, arguments)
    else:
        difficulty = 1 if arguments.practice else arguments.difficulty
        drawn = deck_file.draw(deck, *seed, difficulty, _among(arguments, deck, read))
        card, file = drawn.card, deck_file.file_of(drawn.card, arguments.deck or OWN_DECK, experiments_of(arguments))
        sealed = Sealed(
            file.stem,
            sealing.as_written(file),
            drawn.delay_seconds,
            card.injects,
            card.mitigation,
            card.herring,
            *seed,
            card.hints,
        )
    experiment = read(file)
    return play.drawing(deck, file, experiment, sealed, pace.of(target, experiment, SystemClock(), progress.note))


def _files(deck: Deck, arguments: argparse.Namespace) -> list[Path]:
    """Those of all experiments that may be drawn."""
    if not arguments.rematch:
        place, folder = arguments.deck or OWN_DECK, experiments_of(arguments)
        return [deck_file.file_of(card, place, folder) for card in deck.cards]
    sealed = sealing.read(arguments.rematch.resolve()).sealed
    # What was sealed is played, whatever became of its file and of the deck since.
    file = Path(tempfile.mkdtemp(prefix="rematch-")) / f"{sealed.experiment_id}.yaml"
    file.write_bytes(sealed.experiment.encode())
    return [file]


def _check(deck: Deck, arguments: argparse.Namespace) -> None:
    """All of its cards, so that it says nothing of what is drawn. Raises InvalidFile."""
    place, vocabulary = arguments.deck or OWN_DECK, whose.vocabulary(arguments.target)
    for number, card in enumerate(deck.cards):
        read = experiments.read(deck_file.file_of(card, place, experiments_of(arguments)), vocabulary)
        with_injects = deck_file.played(deck_file.held(read, deck.limit), card.injects)
        for path, reason in experiments.amiss(with_injects, vocabulary):
            raise yamlfile.located(place, f"cards[{number}]", f"with its injects, {path}: {reason}")


def _among(
    arguments: argparse.Namespace, deck: Deck, read: Callable[[Path], experiments.Experiment]
) -> set[str] | None:
    if not arguments.principle:
        return None
    place = arguments.deck or OWN_DECK
    files = {card.experiment: deck_file.file_of(card, place, experiments_of(arguments)) for card in deck.cards}
    return {name for name, file in files.items() if read(file).principle == arguments.principle}


def _seed(arguments: argparse.Namespace) -> tuple[int, int]:
    """The seed, and which round of its day."""
    if arguments.daily:
        print("stormdrill: today's round is the same for everybody: that nobody looks is a promise among friends")
        return int.from_bytes(hashlib.sha256(time.strftime("%Y-%m-%d").encode()).digest()[:8]), 0
    given = arguments.seed if arguments.seed is not None else os.environ.get(SEED_SETTING)
    try:
        return (int(given) if given else play.new_seed()), 0
    except ValueError as error:
        raise GameRefused(f"{SEED_SETTING}={given}: a seed is a whole number") from error


def _name(arguments: argparse.Namespace) -> str:
    return str(arguments.name or getpass.getuser())


def _welcome(deck: Deck, arguments: argparse.Namespace, target: Target) -> None:
    print(f"{deck.title}. Until the reveal nobody knows what is broken; what happens is printed here.")
    print(*whose.to_look_at(arguments.target), sep="\n")
    if target.pace:
        minute, five = durations.spoken(60 / target.pace), f"{300 / target.pace:g}s"
        print(f"Pace {target.pace}: a minute of an alert takes {minute}; for [5m] in a runbook write [{five}].")
    print(f"Look wherever you like. {_ONLY_HERE}\nType, with Enter:\n{HELP}")


def _join(arguments: argparse.Namespace) -> int:
    folder = rounds.folder_of(arguments)
    table = Table(folder)
    if table.is_over or not sealing.is_played(folder):
        raise GameRefused(f"{folder.name} is not played just now")
    table.join(_name(arguments), "host" if arguments.host else arguments.role)
    here = runbooks.target_of(whose.target_file(arguments.target))
    screen = Screen(table, _name(arguments), books=checkout.runbooks(), target=here)
    print(*whose.to_look_at(arguments.target), _ONLY_HERE, HELP, sep="\n")
    Typed().listen(screen.do)
    while sealing.is_played(folder):
        screen.show()
        time.sleep(_LOOK_SECONDS)
    screen.show()
    return 0


def _abort(arguments: argparse.Namespace) -> int:
    folder = rounds.folder_of(arguments)
    table = Table(folder)
    if table.is_over or not sealing.is_played(folder):
        raise GameRefused(f"{folder.name} is not played just now: what a run left, `stormdrill undo` puts back")
    # Whoever has this account may end the runner as well: nobody needs to be host for it, nor to sit at the table.
    hosts = [fact.who for fact in table.all(Joined) if fact.role == "host"]
    table.steer(next(iter(hosts), _name(arguments)), "abort")
    if not table.all(Ready):
        print(f"stormdrill: {folder.name} ends before anything is broken")
        return 0
    give_up_at = time.monotonic() + _ABORTED_WITHIN_SECONDS
    while not (table.all(HoldEnded) or table.is_over):
        if time.monotonic() > give_up_at:
            print(
                f"stormdrill: nobody heard it for {_ABORTED_WITHIN_SECONDS:g} s: end the runner, the watchdog undoes it"
            )
            return 1
        time.sleep(_LOOK_SECONDS)
    print(f"stormdrill: {folder.name} is aborted; what was broken is put back now")
    return 0
