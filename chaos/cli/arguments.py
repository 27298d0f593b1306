"""The command line's arguments, and what `--help` says."""

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from chaos.campaign import runner
from chaos.cli import adopt, carried, check_dashboards, production
from chaos.spec.values import Duration

Command = Callable[[argparse.Namespace], int]

_PURPOSE = "Break a FastAPI system on purpose; prove that users were protected and the right alert was delivered."
_FOLDER_HELP = "where the experiments are; default: `experiments` beside the target's file, or our own"
_EXIT_CODES = """\
exit codes of `run`:
  0    held: users were protected and every listed alert was proven
  1    deviated: a check, an alert or an order says otherwise
  2    usage, an invalid file, another run in progress, or the stack cannot be brought up
  3    baseline not met: nothing was injected
  4    fault not injected or without effect
  5    undo failed: the report says what to do by hand
  6    inconclusive: data is missing
  70   a defect of ours, and no verdict
  130  interrupted by Ctrl-C, everything undone (143: by SIGTERM)
"""
_CLAIM_CODES = """\
exit codes:
  0    every claim held
  1    one deviated
  2    usage, an invalid file, or another run in progress
  6    none deviated, and of one nothing can be said; it says which limit to raise, and how
  70   a defect of ours, and no verdict
  130  interrupted by Ctrl-C, the stack is down (143: by SIGTERM)
"""


def parser(functions: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The parser of `stormdrill`; what it gives has the command's function as `command`."""
    top = argparse.ArgumentParser(
        prog="stormdrill",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=_PURPOSE,
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, text: str, **more: Any) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, **more)
        added.set_defaults(command=functions[name])
        return added

    _add_run(add)
    report = add("report", "judge a recording again and print its report")
    report.add_argument("run", type=Path, nargs="?", help="a run's folder; default: the latest")
    report.add_argument("--target", type=Path, help="whose latest run; default: our own stack's")
    _add_all(add)
    adopt.add(add)
    worth = add("ablation", "run experiments with each switch of the system off, beside the same with it on")
    worth.add_argument("--only", action="append", default=[], metavar="GLOB", help="these switches; may be repeated")
    _add_coverage(add)
    validate = add("validate", "check experiment files without touching a stack")
    validate.add_argument("files", nargs="*", type=Path, help="files, or folders of them; default: all")
    validate.add_argument("--target", type=Path, help="for whose instances, links and alerts; default: our own")
    validate.set_defaults(experiments=None)
    _add_dashboards(add)
    _add_claims(add)
    listed = add("list", "list the experiments, by principle and by fault")
    listed.add_argument("--markdown", action="store_true", help="as a page: chaos/experiments/README.md")
    listed.add_argument("--target", type=Path, help="of which stack; default: our own")
    _add_folder(listed)
    _add_gameday(add)
    _add_console(add)
    carried.add(add)
    _add_stack(add)
    return top


def _add_stack(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    undoing = add("undo", "undo whatever a run left behind")
    undoing.add_argument("--target", type=Path)
    schema = add("schema", "print the JSON schema of verdict.json, or of a target file")
    schema.add_argument("what", nargs="?", default="verdict", choices=("verdict", "target"))
    for name, text in (
        ("compose-file", "write compose/standalone/compose.yaml, the system without the attacker for Docker alone"),
        ("up", "bring our own stack up"),
        ("down", "undo what is live, end our own stack and remove its state folder"),
        ("restart", "restart every shop and inventory instance in turn, without losing a request"),
        ("status", "say what is up"),
    ):
        add(name, text)


def _add_run(add: Callable[..., argparse.ArgumentParser]) -> None:
    codes: dict[str, Any] = {"epilog": _EXIT_CODES, "formatter_class": argparse.RawDescriptionHelpFormatter}
    runs = add("run", "run one experiment and judge it", **codes)
    runs.add_argument("experiment", help="its id, or the path of a file")
    runs.add_argument("--target", type=Path, help="target file of a stack; default: our own, brought up if need be")
    runs.add_argument("--experiments", type=Path, metavar="FOLDER", help=_FOLDER_HELP)
    runs.add_argument("--dry-run", action="store_true", help="validate and print the plan; touch nothing")
    _add_yes(runs)
    runs.add_argument("--live", dest="no_console", action="store_false", help="show it in the browser while it lasts")
    _add_address(runs)
    runs.add_argument(runner.ANOTHER_FOLLOWS, action="store_true", help="clean the alerts' past for it while judging")


def _add_all(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    everything = add("all", "run every experiment in sequence, print the matrix; 0 if all held")
    everything.add_argument("--only", action="append", default=[], metavar="GLOB", help="only these; may be repeated")
    everything.add_argument("--skip", action="append", default=[], metavar="GLOB", help="not these; may be repeated")
    everything.add_argument("--target", type=Path, help="target file of a stack; default: our own")
    _add_yes(everything)
    _add_folder(everything)


def _add_coverage(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    matrix = add("coverage", "print what the latest recordings prove; 1 if an alert is open")
    matrix.add_argument("--compare", type=Path, nargs="+", metavar="RUN-ALL", help="say whether catalogue runs agree")
    matrix.add_argument("--target", type=Path, help="target file of a stack, whose Prometheus is asked for its rules")
    matrix.add_argument(
        "--baseline", type=Path, metavar="FILE", help="what was open before: 1 only for what is not in it"
    )
    matrix.add_argument("--renew", action="store_true", help="write what is open now into the baseline")
    _add_folder(matrix)


def _add_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument("experiments", type=Path, nargs="?", metavar="FOLDER", help=_FOLDER_HELP)


def _add_yes(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        production.YES, action="store_true", help="it is meant: for a target that says `production: true`"
    )


def _add_claims(add: Callable[..., argparse.ArgumentParser]) -> None:
    codes: dict[str, Any] = {"epilog": _CLAIM_CODES, "formatter_class": argparse.RawDescriptionHelpFormatter}
    claims = add("claims", "measure the article's claims about our own stack, and judge each", **codes)
    claims.add_argument("--only", action="append", default=[], metavar="CLAIMS", help="numbers or names, with commas")
    claims.add_argument("--deviate", default="", metavar="NAME", help="do what must refute the claim: docs/claims.md")
    claims.add_argument(
        "--extreme", action="store_true", help="instead, where the machine breaks: a million connections"
    )
    claims.add_argument("--compare", type=Path, metavar="RUN", help="beside an earlier one, such as runs/latest-claims")


def _add_gameday(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    game = add("gameday", "play a round: a fault that nobody knows comes, and people are paged, diagnose and mitigate")
    game.add_argument(
        "what", nargs="?", default="play", choices=("play", "join", "abort", "verify", "reveal", "list", "replay"),
        help="default: play. join: be one more player, in a terminal of your own; abort: end the round that is played,"
        " from any terminal; verify: check the seal of a round; reveal: open a round that was broken off;"
        " list: the rounds that were played; replay: play a recording again",
    )  # fmt: skip
    game.add_argument("run", nargs="?", type=Path, help="a round's folder; default: runs/latest")
    game.add_argument("--experiments", type=Path, metavar="FOLDER", help=_FOLDER_HELP)
    game.add_argument("--deck", type=Path, help="a file of your own; default: chaos/decks/shop.yaml")
    game.add_argument("--difficulty", type=int, choices=(1, 2, 3))
    game.add_argument("--practice", action="store_true", help="an easy round that explains itself")
    game.add_argument("--without-names", action="store_true", help="leave people's names out of what is kept")
    game.add_argument("--principle", help="only experiments about this principle of scaling")
    game.add_argument("--seed", type=int, help="the same day again; default: $STORMDRILL_SEED, else a secret one")
    game.add_argument("--daily", action="store_true", help="the round of the day, the same for everybody")
    game.add_argument("--rematch", type=Path, metavar="RUN", help="what a round was sealed with, again")
    game.add_argument("--shown", type=_commitment, metavar="HASH", help="what you saw before, to verify")
    game.add_argument("--rounds", type=int, help="one after the other; default: as many as the deck says")
    game.add_argument("--name", help="what you are called; default: as the machine knows you")
    game.add_argument("--role", default="player", choices=("player", "scribe", "watcher"), help="of who joins")
    game.add_argument("--host", action="store_true", help="you lead: nothing comes before you type `host start`")
    game.add_argument("--target", type=Path, help="target file of a stack; default: our own, brought up if need be")
    _add_yes(game)
    game.add_argument("--no-console", action="store_true", help="in terminals alone")
    game.add_argument("--replay", type=Path, metavar="RUN", help="the same as `replay RUN`")
    game.add_argument("--speed", type=float, choices=(1.0, 10.0), default=1.0, help="of a replay; default: 1")
    _add_address(game)


def _add_console(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    shown = add("console", "show a run in the browser, while it lasts or when it is over")
    shown.add_argument("run", nargs="?", type=Path, help="its folder; default: the newest, and whatever comes after it")
    shown.add_argument("--target", type=Path, help="where the newest is; default: our own stack's recordings")
    _add_address(shown)


def _add_address(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--listen", metavar="ADDRESS", help="for other machines too, such as 0.0.0.0: each role gets an address of its"
        " own that is a secret, unencrypted on the way; default: this machine alone",
    )  # fmt: skip
    command.add_argument("--port", type=int, help="default: one that is free")


def _add_dashboards(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    dashboards = add("dashboards", "put load on the stack and see that every panel shows data")
    dashboards.add_argument("--target", type=Path, help="default: our own stack, brought up if need be")
    dashboards.add_argument(
        "--within",
        type=_duration,
        metavar="TIME",
        help="how long to wait for their data under load, such as 2m; default: "
        f"{check_dashboards.SHOWS_WITHIN_SCRAPES} scrapes of Prometheus",
    )


def _commitment(text: str) -> str:
    digits = text.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise argparse.ArgumentTypeError("64 hexadecimal digits stand after `sealed as`")
    return digits


def _duration(text: str) -> Duration:
    try:
        return Duration.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
