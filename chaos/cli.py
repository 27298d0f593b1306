"""The commands: composition and exit codes; the only part that may bring a stack up."""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chaos import check_dashboards, preflight, rules, verdict_schema
from chaos import experiment as experiments
from chaos import target as targets
from chaos.arguments import Command, parser
from chaos.clean_past import CleanPast
from chaos.clock import SystemClock
from chaos.commands import all as catalogue
from chaos.commands import coverage, files, listing, run, runner, undo
from chaos.commands.coverage import Sources
from chaos.commands.runner import Setting, StackLost
from chaos.errors import ChaosError, UndoFailed
from chaos.experiment import Vocabulary
from chaos.faults import System
from chaos.lease import LeaseFile
from chaos.panels import shown
from chaos.progress import Progress
from chaos.target import Target
from chaos.verdict import ExitCode
from compose import pages, rolling, runtime, standalone, topology
from compose import settings as stack_settings
from compose.drill_time import DrillTimeError
from compose.settings import InvalidSettings
from compose.stack import StackError
from compose.tools import MissingTool

ROOT = Path(__file__).resolve().parent.parent
EXPERIMENTS = Path(__file__).with_name("experiments")
ALERTS = ROOT / "alerts"
_POLL_SECONDS = 0.2
_SETTLED_WITHIN_SECONDS = 20.0
"""How long after a run a stack may take to be well again: the watchdog of one that died included."""


def main() -> None:
    """Run one command and exit with its code."""
    given = parser(_COMMANDS).parse_args()
    try:
        sys.exit(given.command(given))
    except UndoFailed as error:
        print(
            f"stormdrill: undo failed: {error}",
            *(f"by hand: {step}" for step in error.by_hand),
            sep="\n",
            file=sys.stderr,
        )
        sys.exit(ExitCode.UNDO_FAILED)
    except (ChaosError, StackError, MissingTool, InvalidSettings, DrillTimeError) as error:
        print(f"stormdrill: {error}", file=sys.stderr)
        sys.exit(ExitCode.INVALID)
    except subprocess.SubprocessError as error:
        print(f"stormdrill: {error}; by hand it says more", file=sys.stderr)
        sys.exit(ExitCode.INVALID)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


def _run(arguments: argparse.Namespace) -> int:
    known = _vocabulary(arguments.target)
    file = _experiment_file(arguments.experiment)
    find = partial(_target, arguments.target)
    return run.run(file, known, find, ROOT, arguments.dry_run, arguments.target, arguments.another_follows)


def _all(arguments: argparse.Namespace) -> int:
    known = _vocabulary(arguments.target)
    planned = catalogue.choose(EXPERIMENTS, arguments.only, arguments.skip)
    progress = Progress()
    target = _target(arguments.target, progress)
    run.assert_free(target.state_folder)
    options = ("--target", str(arguments.target)) if arguments.target else ()
    settle, bring_up = _settle(target, own=arguments.target is None), _bring_back
    setting = Setting(runner.command(options), target.runs_folder, catalogue.bring_back(settle, bring_up))
    sources = Sources(ROOT, EXPERIMENTS, ALERTS, target.runs_folder)
    return catalogue.run_all(planned, sources, known, setting)


def _settle(target: Target, own: bool) -> Callable[[bool], str]:
    """Waits until no runner is at work and, of our own stack, all parts are well; what stays unwell, in words."""
    lease, settings = LeaseFile(target.state_folder, SystemClock()), stack_settings.from_environment()
    system = System(target, targets.control(target))

    def look(completed: bool) -> str:
        if live := lease.live():
            return f"run {live.run_id} is in progress"
        if not own:
            return ""
        if completed:
            return preflight.unwell(system)
        return "; ".join(f"{name}: {why}" for name, why in runtime.status(settings)[1].items())

    def settle(completed: bool) -> str:
        deadline = time.monotonic() + _SETTLED_WITHIN_SECONDS
        while (unwell := look(completed)) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return unwell if own else ""

    return settle


def _bring_back() -> None:
    try:
        runtime.up(stack_settings.from_environment(), lambda _: None)
    except StackError as error:
        raise StackLost(f"the stack could not be brought back: {error}") from error


def _coverage(arguments: argparse.Namespace) -> int:
    if arguments.compare:
        return coverage.compare(arguments.compare)
    runs = stack_settings.from_environment().runs
    return coverage.print_matrix(Sources(ROOT, EXPERIMENTS, ALERTS, runs), _vocabulary(None))


def _report(arguments: argparse.Namespace) -> int:
    return files.judge_and_print(arguments.run.resolve())


def _validate(arguments: argparse.Namespace) -> int:
    chosen = arguments.files or experiments.files(EXPERIMENTS)
    return listing.validate(chosen, _vocabulary(arguments.target))


def _dashboards(arguments: argparse.Namespace) -> int:
    progress = Progress()
    target = _target(arguments.target, progress)
    progress.phase("dashboards")
    rows = check_dashboards.check(System(target, targets.control(target)), progress.waits)
    progress.done(f"{len(rows)} panels and variables asked under load")
    print(*shown.report(rows), sep="\n")
    return 1 if any(row.amiss for row in rows) else 0


def _list(arguments: argparse.Namespace) -> int:
    if arguments.markdown:
        print(listing.catalogue(EXPERIMENTS, _vocabulary(None)), end="")
        return 0
    return listing.print_all(EXPERIMENTS, _vocabulary(None))


def _schema(_: argparse.Namespace) -> int:
    print(verdict_schema.text(), end="")
    return 0


def _undo(arguments: argparse.Namespace) -> int:
    target = _existing_target(arguments.target)
    if target is None:
        print("nothing to undo: no stack is up")
        return 0
    return undo.undo(target)


def _compose_file(_: argparse.Namespace) -> int:
    print(*standalone.write(), sep="\n")
    return 0


def _up(_: argparse.Namespace) -> int:
    settings = stack_settings.from_environment()
    # The stack may rightly be unwell then, and would be cleaned away under the run.
    run.assert_free(settings.state)
    began = time.monotonic()
    stack = runtime.up(settings, Progress().note)
    print(f"stack up and proven healthy in {time.monotonic() - began:.1f} s")
    print(*pages.lines(settings, stack, pages.look(stack)), sep="\n")
    print("next: make chaos-kill-instance | make list | make status | make down")
    return 0


def _down(_: argparse.Namespace) -> int:
    settings = stack_settings.from_environment()
    target = _existing_target(None)
    if target is not None:
        undo.undo_before_down(target)
    was_up = runtime.down(settings, Progress().note)
    print("stack is down; nothing of it is left but the recordings" if was_up else "nothing was up")
    return 0


def _restart(_: argparse.Namespace) -> int:
    settings = stack_settings.from_environment()
    run.assert_free(settings.state, "end it with Ctrl-C first")
    began = time.monotonic()
    number = rolling.restart(settings, Progress().note)
    print(f"{number} instances restarted one after the other in {time.monotonic() - began:.1f} s")
    return 0


def _status(_: argparse.Namespace) -> int:
    rows, unwell = runtime.status(stack_settings.from_environment())
    for program, process in rows:
        state = f"{process.state:<9} pid {process.pid:<8} up {process.uptime_seconds} s" if process else "not running"
        print(f"{program.name:<14}{program.port:<7}{state}")
    print(*[f"not well: {name}: {why}" for name, why in unwell.items()] or ["every part is proven healthy"], sep="\n")
    return 1 if unwell else 0


def _target(file: Path | None, progress: Progress) -> Target:
    if file is not None:
        return targets.read(file)
    settings = stack_settings.from_environment()
    existing = settings.state / "target.yaml"
    if existing.exists():
        target, clock = targets.read(existing), SystemClock()
        # While a run is live the stack may rightly be unwell: never clean it away under that run. Where a catalogue has
        # just cleaned the past, Prometheus has scraped nothing yet; what else is unwell the preflight finds.
        if LeaseFile(settings.state, clock).live() or CleanPast(target, clock).made_ahead():
            return target
    progress.phase("stack")
    runtime.up(settings, progress.waits)
    progress.done("up and proven healthy")
    return targets.read(existing)


def _existing_target(file: Path | None) -> Target | None:
    if file is None:
        file = stack_settings.from_environment().state / "target.yaml"
        if not file.exists():
            return None
    return targets.read(file)


def _vocabulary(target: Path | None) -> Vocabulary:
    if target is not None:
        named = targets.read(target)
        return Vocabulary(
            rules.of_target(named, ALERTS),
            frozenset(named.instances),
            frozenset(named.links),
            named.urls.prometheus != "",
        )
    stack = topology.build(stack_settings.from_environment())
    instances = frozenset(program.name for program in stack.programs)
    return Vocabulary(rules.alert_names(ALERTS), instances, frozenset(stack.links()))


def _experiment_file(named: str) -> Path:
    return Path(named) if named.endswith((".yaml", ".yml")) else experiments.find(EXPERIMENTS, named)


_COMMANDS: dict[str, Command] = {
    "run": _run,
    "report": _report,
    "all": _all,
    "coverage": _coverage,
    "validate": _validate,
    "dashboards": _dashboards,
    "list": _list,
    "undo": _undo,
    "schema": _schema,
    "compose-file": _compose_file,
    "up": _up,
    "down": _down,
    "restart": _restart,
    "status": _status,
}
