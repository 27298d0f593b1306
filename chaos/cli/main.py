"""The commands: composition and exit codes; the only part that may bring a stack up."""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chaos.campaign import artifacts, coverage_reading, runner
from chaos.campaign import catalogue_run as catalogue
from chaos.campaign.coverage_reading import Sources
from chaos.campaign.runner import Setting, StackLost
from chaos.cli import check_dashboards, listing, run, undo
from chaos.cli.arguments import Command, parser
from chaos.control.of_target import control_of
from chaos.drill import endings, preflight
from chaos.drill.clean_past import CleanPast
from chaos.drill.progress import Progress
from chaos.errors import ChaosError, Interrupted, InvalidFile, RunInProgress, UndoFailed
from chaos.faults.hands import System
from chaos.judge import panel_shown
from chaos.machine.clock import SystemClock
from chaos.machine.interrupts import Interrupts
from chaos.spec import experiment as experiments
from chaos.spec import rules
from chaos.spec import target as targets
from chaos.spec.experiment import Vocabulary
from chaos.spec.target import Target
from chaos.undo.lease import LeaseFile
from chaos.verdict import schema
from chaos.verdict.verdict import EXIT_CODES, ExitCode
from compose import pages, rolling, runtime, topology
from compose import settings as stack_settings
from compose.drill_time import DrillTimeError
from compose.settings import InvalidSettings
from compose.stack import StackError
from compose.standalone import standalone
from compose.tools import MissingTool
from compose.topology import Topology

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS = ROOT / "chaos" / "experiments"
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
    except Interrupted as error:
        code = EXIT_CODES[endings.of(error)]
        print(f"stormdrill: interrupted (exit {code:d})", file=sys.stderr)
        sys.exit(code)
    except (ChaosError, StackError, MissingTool, InvalidSettings, DrillTimeError) as error:
        print(f"stormdrill: {error}", file=sys.stderr)
        sys.exit(ExitCode.INVALID)
    except subprocess.SubprocessError as error:
        print(f"stormdrill: {error}; by hand it says more", file=sys.stderr)
        sys.exit(ExitCode.INVALID)


def _run(arguments: argparse.Namespace) -> int:
    known = _vocabulary(arguments.target)
    file = _experiment_file(arguments.experiment)
    find = partial(_target, arguments.target)
    return run.run(file, known, find, ROOT, arguments.dry_run, arguments.target, arguments.another_follows)


def _all(arguments: argparse.Namespace) -> int:
    known = _vocabulary(arguments.target)
    planned = catalogue.choose(EXPERIMENTS, arguments.only, arguments.skip)
    interrupts = Interrupts()
    interrupts.listen("the catalogue ends when the present run is undone; a second signal skips waiting for proofs")
    target = _target(arguments.target, Progress(), interrupts)
    run.assert_free(target.state_folder)
    options = ("--target", str(arguments.target)) if arguments.target else ()
    settle, bring_up = _settle(target, arguments.target is None, interrupts), partial(_bring_back, interrupts)
    setting = Setting(runner.command(options), target.runs_folder, catalogue.bring_back(settle, bring_up))
    sources = Sources(ROOT, EXPERIMENTS, ALERTS, target.runs_folder)
    return catalogue.run_all(planned, sources, known, setting, interrupts)


def _settle(target: Target, own: bool, interrupts: Interrupts) -> Callable[[bool], str]:
    """Waits until no runner is at work and, of our own stack, all parts are well; what stays unwell, in words."""
    lease, settings = LeaseFile(target.state_folder, SystemClock()), stack_settings.from_environment()
    system = System(target, control_of(target))

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
        while (unwell := look(completed)) and time.monotonic() < deadline and not interrupts.arrived:
            time.sleep(_POLL_SECONDS)
        return unwell if own else ""

    return settle


def _bring_back(interrupts: Interrupts) -> None:
    if interrupts.arrived:
        return  # the catalogue ends here, and whoever ended it may want to look at what is unwell
    try:
        _bring_up(lambda _: None, interrupts)
    except Interrupted as error:
        raise StackLost("the stack is down: its bringing up was interrupted") from error
    except (StackError, RunInProgress, UndoFailed) as error:
        raise StackLost(f"the stack could not be brought back: {error}") from error


def _coverage(arguments: argparse.Namespace) -> int:
    if arguments.compare:
        return coverage_reading.compare(arguments.compare)
    runs = stack_settings.from_environment().runs
    return coverage_reading.print_matrix(Sources(ROOT, EXPERIMENTS, ALERTS, runs), _vocabulary(None))


def _report(arguments: argparse.Namespace) -> int:
    return artifacts.judge_and_print(arguments.run.resolve())


def _validate(arguments: argparse.Namespace) -> int:
    chosen = arguments.files or experiments.files(EXPERIMENTS)
    return listing.validate(chosen, _vocabulary(arguments.target))


def _dashboards(arguments: argparse.Namespace) -> int:
    progress, interrupts = Progress(), Interrupts()
    interrupts.listen("what was begun is ended")
    target = _target(arguments.target, progress, interrupts)
    progress.phase("dashboards")
    rows = check_dashboards.check(System(target, control_of(target)), arguments.within, progress.waits, interrupts)
    progress.done(f"{len(rows)} panels and variables asked under load")
    print(*panel_shown.report(rows), sep="\n")
    return 1 if any(row.amiss for row in rows) else 0


def _list(arguments: argparse.Namespace) -> int:
    if arguments.markdown:
        print(listing.catalogue(EXPERIMENTS, _vocabulary(None)), end="")
        return 0
    return listing.print_all(EXPERIMENTS, _vocabulary(None))


def _schema(_: argparse.Namespace) -> int:
    print(schema.text(), end="")
    return 0


def _undo(arguments: argparse.Namespace) -> int:
    target = _existing_target(arguments.target)
    if target is None:
        print("nothing to undo: no stack is up")
        return 0
    interrupts = Interrupts()
    interrupts.listen("going on until all is undone; a second signal skips waiting for proofs")
    return undo.undo(target, interrupts)


def _compose_file(_: argparse.Namespace) -> int:
    print(*standalone.write(), sep="\n")
    return 0


def _up(_: argparse.Namespace) -> int:
    interrupts = Interrupts()
    interrupts.listen("ending what was started")
    began = time.monotonic()
    stack = _bring_up(Progress().note, interrupts)
    print(f"stack up and proven healthy in {time.monotonic() - began:.1f} s")
    print(*pages.lines(stack_settings.from_environment(), stack, pages.look(stack)), sep="\n")
    print("next: make chaos-kill-instance | make list | make status | make down")
    return 0


def _bring_up(progress: Callable[[str], None], interrupts: Interrupts) -> Topology:
    """Bring our own stack up; what a run left behind is undone first, for its records go with the stack of before."""
    settings = stack_settings.from_environment()
    runtime.assert_known(settings)
    # The stack may rightly be unwell then, and would be cleaned away under the run.
    run.assert_free(settings.state)
    undo.undo_before_up(settings.state, _target_of_before())
    return runtime.up(settings, progress, interrupts)


def _down(_: argparse.Namespace) -> int:
    settings = stack_settings.from_environment()
    runtime.assert_known(settings)
    interrupts = Interrupts()
    interrupts.listen("`down` goes on to its end")
    run.assert_free(settings.state, "end it with Ctrl-C first")
    undo.undo_before_down(settings.state, _target_of_before())
    was_up = runtime.down(settings, Progress().note)
    print("stack is down; nothing of it is left but the recordings" if was_up else "nothing was up")
    return 0


def _restart(_: argparse.Namespace) -> int:
    settings = stack_settings.from_environment()
    runtime.assert_known(settings)
    interrupts = Interrupts()
    interrupts.listen("the instance in hand is brought back, the others are not touched")
    run.assert_free(settings.state, "end it with Ctrl-C first")
    began = time.monotonic()
    number = rolling.restart(settings, Progress().note, interrupts)
    print(f"{number} instances restarted one after the other in {time.monotonic() - began:.1f} s")
    return 0


def _status(_: argparse.Namespace) -> int:
    rows, unwell = runtime.status(stack_settings.from_environment())
    for program, process in rows:
        state = f"{process.state:<9} pid {process.pid:<8} up {process.uptime_seconds} s" if process else "not running"
        print(f"{program.name:<14}{program.port:<7}{state}")
    print(*[f"not well: {name}: {why}" for name, why in unwell.items()] or ["every part is proven healthy"], sep="\n")
    return 1 if unwell else 0


def _target(file: Path | None, progress: Progress, interrupts: Interrupts) -> Target:
    if file is not None:
        return targets.read(file)
    settings = stack_settings.from_environment()
    runtime.assert_known(settings)
    target, clock = _target_of_before(), SystemClock()
    # While a run is live the stack may rightly be unwell: never clean it away under that run. Where a catalogue has
    # just cleaned the past, Prometheus has scraped nothing yet; what else is unwell the preflight finds.
    if target is not None and (LeaseFile(settings.state, clock).live() or CleanPast(target, clock).made_ahead()):
        return target
    progress.phase("stack")
    _bring_up(progress.waits, interrupts)
    progress.done("up and proven healthy")
    return targets.read(settings.state / "target.yaml")


def _target_of_before() -> Target | None:
    """That of our own stack, if one was up and this release can read it."""
    try:
        return _existing_target(None)
    except InvalidFile:
        return None


def _existing_target(file: Path | None) -> Target | None:
    if file is not None:
        return targets.read(file)
    file = stack_settings.from_environment().state / "target.yaml"
    try:
        return targets.read(file) if file.exists() else None
    except InvalidFile as error:
        what_to_do = "where another release wrote it, `make up` replaces its stack and `make down` ends it"
        raise InvalidFile(file, error.path, f"{error.reason}; {what_to_do}", error.line) from error


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
