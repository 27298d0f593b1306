"""The command line: arguments, composition and exit codes; the only part that may bring a stack up."""

import argparse
import sys
import time
from pathlib import Path

import msgspec

from chaos import check_dashboards, recording, revision, rules
from chaos import experiment as experiments
from chaos import target as targets
from chaos.clock import SystemClock
from chaos.drill import Drill, Plan
from chaos.errors import ChaosError, InvalidFile, RunInProgress, UndoFailed
from chaos.experiment import Experiment, Vocabulary
from chaos.faults import System
from chaos.interrupts import Interrupts
from chaos.judge.judge import judge
from chaos.lease import LeaseFile
from chaos.load.settings import LoadSettings
from chaos.panels import panel, shown
from chaos.progress import Progress
from chaos.report import terminal
from chaos.target import Target
from chaos.undo import UndoJournal
from chaos.verdict import ExitCode, Verdict
from compose import native, rolling, target_file, topology
from compose import settings as stack_settings
from compose.drill_time import DrillTimeError
from compose.settings import InvalidSettings
from compose.tools import MissingTool

ROOT = Path(__file__).resolve().parent.parent
EXPERIMENTS = Path(__file__).with_name("experiments")
ALERTS = ROOT / "alerts"
REPORT_FILE = "report.txt"
VERDICT_FILE = "verdict.json"

_EXIT_CODES = """\
exit codes of `run`:
  0    held: users were protected and every listed alert was proven
  1    deviated: a check, an alert or an order says otherwise
  2    usage, an invalid file, another run in progress, or the stack cannot be brought up
  3    baseline not met: nothing was injected
  4    fault not injected or without effect
  5    undo failed: the report says what to do by hand
  6    inconclusive: data is missing
  130  interrupted by Ctrl-C, everything undone (143: by SIGTERM)
"""


def main() -> None:
    """Run one command and exit with its code."""
    arguments = _parser().parse_args()
    try:
        sys.exit(arguments.command(arguments))
    except UndoFailed as error:
        print(
            f"stormdrill: undo failed: {error}",
            *(f"by hand: {step}" for step in error.by_hand),
            sep="\n",
            file=sys.stderr,
        )
        sys.exit(ExitCode.UNDO_FAILED)
    except (ChaosError, native.StackError, MissingTool, InvalidSettings, DrillTimeError) as error:
        print(f"stormdrill: {error}", file=sys.stderr)
        sys.exit(ExitCode.INVALID)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stormdrill",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=_PURPOSE,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run one experiment and judge it", epilog=_EXIT_CODES,
                              formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    run.add_argument("experiment", help="its id, or the path of a file")
    run.add_argument("--target", type=Path, help="target file of a stack; default: our own, brought up if need be")
    run.add_argument("--dry-run", action="store_true", help="validate and print the plan; touch nothing")
    run.set_defaults(command=_run)
    report = commands.add_parser("report", help="judge a recording again and print its report")
    report.add_argument("run", type=Path, help="a run's folder, such as runs/latest")
    report.set_defaults(command=_report)
    validate = commands.add_parser("validate", help="check experiment files without touching a stack")
    validate.add_argument("files", nargs="*", type=Path, help="default: all")
    validate.set_defaults(command=_validate)
    dashboards = commands.add_parser("dashboards", help="put load on the stack and see that every panel shows data")
    dashboards.add_argument("--target", type=Path, help="default: our own stack, brought up if need be")
    dashboards.set_defaults(command=_dashboards)
    undo = commands.add_parser("undo", help="undo whatever a run left behind")
    undo.add_argument("--target", type=Path)
    undo.set_defaults(command=_undo)
    for name, function, text in (
        ("list", _list, "list the experiments"),
        ("up", _up, "bring our own stack up"),
        ("down", _down, "undo what is live, end our own stack and remove its state folder"),
        ("restart", _restart, "restart every shop and inventory instance in turn, without losing a request"),
        ("status", _status, "say what is up"),
    ):
        commands.add_parser(name, help=text).set_defaults(command=function)
    return parser


_PURPOSE = "Break a FastAPI system on purpose; prove that users were protected and the right alert was delivered."


def _run(arguments: argparse.Namespace) -> int:
    began = time.strftime("%Y%m%d-%H%M%S")
    known = _vocabulary(arguments.target)
    file = _experiment_file(arguments.experiment)
    experiment = experiments.read(file, known)
    version, dirty = revision.of(ROOT)
    print(
        f"stormdrill: revision {version}{' (dirty)' if dirty else ''}; again: make run EXP={file.stem}", file=sys.stderr
    )
    if arguments.dry_run:
        return _print_plan(experiment)
    progress = Progress()
    target = _target(arguments.target, progress)
    system = System(target, targets.control(target))
    if other := LeaseFile(target.state_folder, SystemClock()).live():
        raise RunInProgress(f"run {other.run_id} (pid {other.pid}) is in progress: wait for it, or end it with Ctrl-C")
    interrupts = Interrupts()
    interrupts.listen()
    run_id = _free_id(target.runs_folder, f"{began}-{file.stem}")
    panels = tuple(panel.of_target(target))
    plan = Plan(run_id, file.stem, experiment, known.alerts, LoadSettings(), version, dirty, panels)
    recorder = recording.create(target.runs_folder, run_id, file)
    Drill(plan, system, recorder, interrupts, progress).run()
    return _judge_and_print(recorder.folder)


def _judge_and_print(folder: Path) -> int:
    verdict = judge(recording.read(folder))
    _write(folder, verdict)
    print(terminal.render(verdict, _shown(folder)))
    print(terminal.last_line(verdict, _shown(folder / REPORT_FILE)))
    return verdict.exit_code


def _write(folder: Path, verdict: Verdict) -> None:
    (folder / VERDICT_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(verdict), indent=2) + b"\n")
    (folder / REPORT_FILE).write_text(terminal.render(verdict, _shown(folder)))


def _report(arguments: argparse.Namespace) -> int:
    return _judge_and_print(arguments.run.resolve())


def _validate(arguments: argparse.Namespace) -> int:
    known = _vocabulary(None)
    files = arguments.files or [EXPERIMENTS / f"{name}.yaml" for name in experiments.ids(EXPERIMENTS)]
    wrong = []
    for file in files:
        try:
            experiments.read(file, known)
        except InvalidFile as error:
            wrong.append(str(error))
    print(*wrong or [f"{len(files)} experiments are valid"], sep="\n", file=sys.stderr if wrong else sys.stdout)
    return ExitCode.INVALID if wrong else 0


def _dashboards(arguments: argparse.Namespace) -> int:
    progress = Progress()
    target = _target(arguments.target, progress)
    progress.phase("dashboards")
    rows = check_dashboards.check(System(target, targets.control(target)), progress.waits)
    progress.done(f"{len(rows)} panels and variables asked under load")
    print(*shown.report(rows), sep="\n")
    return 1 if any(row.amiss for row in rows) else 0


def _list(_: argparse.Namespace) -> int:
    known = _vocabulary(None)
    for name in experiments.ids(EXPERIMENTS):
        experiment = experiments.read(EXPERIMENTS / f"{name}.yaml", known)
        print(f"{name:<16} {experiment.title}")
        print(f"{'':<16} fault: {experiment.fault.describe()}")
        print(f"{'':<16} alerts: {', '.join(window.name for window in experiment.alerts) or 'none may fire'}")
    return 0


def _undo(arguments: argparse.Namespace) -> int:
    target = _existing_target(arguments.target)
    if target is None:
        print("nothing to undo: no stack is up")
        return 0
    clock = SystemClock()
    if live := LeaseFile(target.state_folder, clock).live():
        raise RunInProgress(f"run {live.run_id} (pid {live.pid}) is in progress and undoes itself: end it with Ctrl-C")
    done = UndoJournal(target.state_folder).replay(System(target, targets.control(target)), clock)
    print(*[f"undone: {proof.detail}" for _, proof in done] or ["nothing to undo"], sep="\n")
    return 0


def _up(_: argparse.Namespace) -> int:
    began = time.monotonic()
    stack = native.up(stack_settings.from_environment(), Progress().note)
    print(f"stack up and proven healthy in {time.monotonic() - began:.1f} s")
    print(*(f"  {name:<13}{url}" for name, url in target_file.urls(stack).items()), sep="\n")
    print("next: make chaos-kill-instance | make list | make status | make down")
    return 0


def _down(_: argparse.Namespace) -> int:
    settings = stack_settings.from_environment()
    target = _existing_target(None)
    if target is not None:
        _undo_before_down(target)
    was_up = native.down(settings, Progress().note)
    print("stack is down; nothing of it is left but the recordings" if was_up else "nothing was up")
    return 0


def _restart(_: argparse.Namespace) -> int:
    settings = stack_settings.from_environment()
    if live := LeaseFile(settings.state, SystemClock()).live():
        raise RunInProgress(f"run {live.run_id} (pid {live.pid}) is in progress: end it with Ctrl-C first")
    began = time.monotonic()
    number = rolling.restart(settings, Progress().note)
    print(f"{number} instances restarted one after the other in {time.monotonic() - began:.1f} s")
    return 0


def _undo_before_down(target: Target) -> None:
    clock = SystemClock()
    if live := LeaseFile(target.state_folder, clock).live():
        raise RunInProgress(f"run {live.run_id} (pid {live.pid}) is in progress: end it with Ctrl-C first")
    try:
        UndoJournal(target.state_folder).replay(System(target, targets.control(target)), clock, patience=lambda: False)
    except UndoFailed as error:
        # The stack goes away anyway; only what is outside it, the load, would matter.
        print(f"stormdrill: {error}", file=sys.stderr)


def _status(_: argparse.Namespace) -> int:
    rows, unwell = native.status(stack_settings.from_environment())
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
    # While a run is live the stack may rightly be unwell: never clean it away under that run.
    if existing.exists() and LeaseFile(settings.state, SystemClock()).live():
        return targets.read(existing)
    progress.phase("stack")
    native.up(settings, progress.waits)
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
        return Vocabulary(rules.alert_names(ALERTS), frozenset(targets.read(target).instances))
    stack = topology.build(stack_settings.from_environment())
    return Vocabulary(rules.alert_names(ALERTS), frozenset(program.name for program in stack.programs))


def _experiment_file(named: str) -> Path:
    return Path(named) if named.endswith((".yaml", ".yml")) else experiments.find(EXPERIMENTS, named)


def _print_plan(experiment: Experiment) -> int:
    print(f"{experiment.title}\nfault: {experiment.fault.describe()}\nundo: {experiment.fault.by_hand()}")
    for window in experiment.alerts:
        print(f"alert: {window.name} within {window.fires_within}, resolved within {window.resolves_within}")
    return 0


def _free_id(runs: Path, wanted: str) -> str:
    taken = {folder.name for folder in runs.glob(f"{wanted}*")} if runs.is_dir() else set()
    return next(
        name for number in range(len(taken) + 1) if (name := f"{wanted}-{number}" if number else wanted) not in taken
    )


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
