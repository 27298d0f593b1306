"""The console from the command line: beside a game day, for any run's folder, and to play a recording again."""

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from chaos.campaign import artifacts
from chaos.cli import checkout, whose
from chaos.console import process, settings, starting
from chaos.console.process import FOLDER, Console
from chaos.console.settings import ConsoleSettings
from chaos.drill.progress import Progress
from chaos.errors import GameRefused, NotInstalled
from chaos.gameday import sealing
from chaos.gameday.typed import Typed
from chaos.machine import process_identity
from chaos.machine.clock import SystemClock
from chaos.machine.interrupts import Interrupts
from chaos.report import plain

_FOLLOWING = "gameday.json"
_POLL_SECONDS = 0.2
LOOPBACK = "127.0.0.1"


def console(arguments: argparse.Namespace) -> int:
    """Show a run's folder until Ctrl-C; without one, the newest run, as the console of a game day did or does."""
    if arguments.run is None:
        runs = whose.runs(arguments.target)
        file = runs / FOLDER / _FOLLOWING
        # Whoever begins it again comes back with the same addresses.
        made = _again(arguments, runs, file) or _settings(arguments, runs, follows=True)
    else:
        folder = _folder(arguments.run)
        file, made = folder.parent / FOLDER / f"{folder.name}.json", _settings(arguments, folder)
    return _show(made, file)


def _again(arguments: argparse.Namespace, runs: Path, file: Path) -> ConsoleSettings | None:
    """Those of a game day's console, with the addresses that are asked for; None: there are none of these runs."""
    if not file.exists():
        return None
    try:
        kept = settings.read(file)
    except GameRefused as error:
        _note(f"the console of before cannot be begun again: {error}")
        return None
    if kept.folder != str(runs.resolve()):
        _note("the console of before was one of other runs; this one has addresses of its own")
        return None
    if kept.game is None or not process_identity.is_alive(kept.game):
        _note("the game day that this console was for is gone; its addresses are good again")
        # What was the newest run when it began need not be hidden any more.
        kept = msgspec.structs.replace(kept, past="")
    address = arguments.listen or kept.address
    return msgspec.structs.replace(
        kept,
        address=address,
        port=arguments.port or kept.port,
        tokens=settings.new_tokens(arguments.listen is not None) | kept.tokens,
    )


def replay(arguments: argparse.Namespace, folder: Path) -> int:
    """Play the recording of a round again, until Ctrl-C. Raises GameRefused when it is sealed.

    It begins when somebody at the terminal presses Enter; without one, when the first page asks.
    """
    if sealing.is_sealed(folder):
        raise GameRefused(f"{folder.name} is still sealed: it is played, or `stormdrill gameday reveal` opens it")
    file = folder.parent / FOLDER / f"{folder.name}-replay.json"
    starts, waits = file.with_suffix(".began"), sys.stdin.isatty()
    starts.unlink(missing_ok=True)
    made = msgspec.structs.replace(_settings(arguments, folder), speed=arguments.speed, starts=str(starts), waits=waits)
    when = "you press Enter, when everybody is there" if waits else "the first page asks for it"
    words = f"It is played from the moment at which {when}."
    return _show(made, file, words, (lambda _: starting.begin(starts, SystemClock())) if waits else None)


@contextlib.contextmanager
def beside(arguments: argparse.Namespace, runs: Path, progress: Progress) -> Iterator[bool]:
    """Have a console of what comes next in this folder of runs, for as long as the block; yields whether there is one.

    A run can do without: why there is none is said, and that is all.
    """
    if arguments.no_console:
        yield False
        return
    latest = runs / "latest"
    made = _settings(arguments, runs, follows=True, past=latest.resolve().name if latest.exists() else "")
    made = msgspec.structs.replace(made, game=made.owner)
    try:
        begun = process.start(made, runs / FOLDER / _FOLLOWING)
    except (GameRefused, NotInstalled) as error:
        progress.note(f"there is no console: {error}")
        yield False
        return
    print(*begun.lines, sep="\n", flush=True)
    try:
        yield True
    finally:
        with contextlib.suppress(TimeoutError):
            begun.end(forget=True)


def stays(listen: Callable[[Callable[[str], None]], None], interrupts: Interrupts) -> None:
    """Leave the console there when all is over, until somebody presses Enter or ends us; only at a terminal.

    Also after a Ctrl-C, which ended the round: its debrief is to be read.
    """
    before = interrupts.signals
    if not sys.stdin.isatty() or any(number != signal.SIGINT for number in before):
        return
    print("stormdrill: the console stays until you press Enter", flush=True)
    interrupts.promise("the console ends")
    until_enter(listen, interrupts)


def until_enter(listen: Callable[[Callable[[str], None]], None], interrupts: Interrupts) -> None:
    """Wait until somebody presses Enter, however long that takes, or a signal arrives."""
    before, pressed = interrupts.signals, threading.Event()
    listen(lambda _: pressed.set())
    while not pressed.wait(_POLL_SECONDS) and interrupts.signals == before:
        pass


def _show(made: ConsoleSettings, file: Path, words: str = "", typed: Callable[[str], None] | None = None) -> int:
    interrupts = Interrupts()
    interrupts.listen("the console ends; a round goes on without it")
    own = process_identity.of_pid(os.getpid())
    begun = process.start(msgspec.structs.replace(made, owner=own), file)
    print(*begun.lines, *filter(None, (words, "Ctrl-C ends it.")), sep="\n", flush=True)
    if typed:
        Typed().listen(typed)
    try:
        _until_it_ends(begun, interrupts)
    finally:
        begun.end()
    return 0


def _until_it_ends(begun: Console, interrupts: Interrupts) -> None:
    while not interrupts.arrived:
        if not process_identity.is_alive(begun.child):
            raise GameRefused(f"the console has ended; see {begun.file.with_suffix('.log')}")
        time.sleep(_POLL_SECONDS)


def _settings(arguments: argparse.Namespace, folder: Path, follows: bool = False, past: str = "") -> ConsoleSettings:
    address = arguments.listen or LOOPBACK
    return ConsoleSettings(
        folder=str(folder.resolve()),
        follows=follows,
        past=past,
        books=str(checkout.runbooks() or ""),
        address=address,
        port=arguments.port or process.free_port(address),
        secret=settings.new_secret(),
        tokens=settings.new_tokens(arguments.listen is not None),
        target=whose.target_file(arguments.target),
        # Those of a stack that is not ours are its own, or there are none.
        dashboards=str(checkout.DASHBOARDS) if arguments.target is None and checkout.is_there() else "",
        owner=process_identity.of_pid(os.getpid()),
    )


def _note(text: str) -> None:
    print(f"stormdrill: {plain.line(text)}", file=sys.stderr)


def _folder(named: Path) -> Path:
    folder = named.resolve()
    if not folder.is_dir():
        raise GameRefused(f"{artifacts.shown(folder)} is no run's folder")
    return folder
