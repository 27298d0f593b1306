"""The commands: composition and exit codes; the only part that may bring a stack up."""

import argparse
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chaos.campaign import artifacts, coverage_reading, runner
from chaos.campaign import catalogue_run as catalogue
from chaos.campaign.coverage_reading import Sources
from chaos.campaign.runner import Setting
from chaos.cli import (
    ablation,
    adopt,
    carried,
    check_dashboards,
    claims,
    console,
    gameday,
    listing,
    production,
    run,
    theirs,
    undo,
    whose,
)
from chaos.cli.arguments import Command, parser
from chaos.cli.checkout import ALERTS, ROOT
from chaos.control.of_target import control_of
from chaos.drill import endings
from chaos.drill.progress import Progress
from chaos.errors import ChaosError, Interrupted, InvalidFile, StackUnreachable, UndoFailed
from chaos.faults.hands import System
from chaos.gameday import ending
from chaos.gameday.typed import Typed
from chaos.machine.clock import SystemClock
from chaos.machine.interrupts import Interrupts
from chaos.observe import pace
from chaos.report import document, panels_shown
from chaos.spec import experiment as experiments
from chaos.spec import length, target_schema
from chaos.spec import target as targets
from chaos.spec.experiment import Experiment
from chaos.spec.target import Target
from chaos.verdict.verdict import EXIT_CODES, ExitCode


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
    except StackUnreachable as error:  # before there is a recording; later it is in there
        print(f"stormdrill: {error}", file=sys.stderr)
        sys.exit(EXIT_CODES[endings.of(error)])
    except Interrupted as error:
        code = EXIT_CODES[endings.of(error)]
        print(f"stormdrill: interrupted (exit {code:d})", file=sys.stderr)
        sys.exit(code)
    except (ChaosError, *whose.errors()) as error:
        print(f"stormdrill: {error}", file=sys.stderr)
        sys.exit(ExitCode.INVALID)
    except subprocess.SubprocessError as error:
        print(f"stormdrill: {error}; by hand it says more", file=sys.stderr)
        sys.exit(ExitCode.INVALID)
    except Exception as error:  # Python would end with 1, which says that a claim was refuted
        traceback.print_exc()
        said = f"{type(error).__name__}: {error}"
        print(f"stormdrill: a defect of ours, and no verdict: {said}; please report what stands above (exit 70)",
              file=sys.stderr)  # fmt: skip
        sys.exit(ExitCode.DEFECT)


def _run(arguments: argparse.Namespace) -> int:
    file = _experiment_file(arguments)
    if not arguments.dry_run:
        production.assert_meant(arguments.target, arguments.yes, [file])
    known = whose.vocabulary(arguments.target)
    experiment = experiments.read(file, known)
    breaks = {name for fault in experiment.faults for name in (*fault.instances(), *fault.links())}
    find = partial(whose.target_of, arguments.target, whole=not breaks.isdisjoint(whose.BUILT_BESIDE))
    for note in _notes(arguments)(experiment):
        print(f"stormdrill: note: {note}", file=sys.stderr)
    runs = partial(run.run, file, known, find, ROOT, arguments.dry_run, arguments.target, arguments.another_follows)
    return runs() if arguments.no_console or arguments.dry_run else _live(arguments, runs)


def _live(arguments: argparse.Namespace, runs: Callable[[], int]) -> int:
    with console.beside(arguments, whose.runs(arguments.target), Progress()) as shown:
        code = runs()
        # Whoever ended the run by SIGTERM, or has closed its terminal, presses no Enter.
        if shown and code != ExitCode.TERMINATED:
            interrupts = Interrupts()
            interrupts.listen("the console ends")
            console.stays(Typed().listen, interrupts)
    return code


def _all(arguments: argparse.Namespace) -> int:
    folder = whose.experiments_of(arguments)
    planned = catalogue.choose(folder, arguments.only, arguments.skip)
    files = [experiments.find(folder, name) for name in planned]
    production.assert_meant(arguments.target, arguments.yes, files)
    known = whose.vocabulary(arguments.target)
    interrupts = Interrupts()
    interrupts.listen("the catalogue ends when the present run is undone; a second signal skips waiting for proofs")
    # Some of its experiments break the trace store.
    target = whose.target_of(arguments.target, Progress(), interrupts, whole=True)
    run.assert_let_in(target, arguments.target)
    run.assert_free(target.state_folder)
    options = ["--target", str(arguments.target), "--experiments", str(folder)] if arguments.target else []
    options += [production.YES] if arguments.yes else []
    settle = whose.settle(target, arguments.target, interrupts)

    def longest(name: str) -> float:
        experiment = experiments.read(experiments.find(folder, name), known)
        at = pace.of(target, experiment, SystemClock())
        return length.longest(experiment.at(at), at)

    back = catalogue.bring_back(settle, whose.bring_back(arguments.target, interrupts))
    setting = Setting(runner.command(tuple(options)), target.runs_folder, longest, back)
    first = pace.of(target, experiments.read(experiments.find(folder, planned[0]), known), SystemClock())
    return catalogue.run_all(planned, _sources(arguments, target), known, setting, interrupts, first)


def _sources(arguments: argparse.Namespace, target: Target | None) -> Sources:
    folder = whose.experiments_of(arguments)
    if arguments.target is None or target is None:
        return Sources(ROOT, folder, ALERTS, whose.runs(None), whose.present)
    return theirs.sources(target, folder, ROOT)


def _coverage(arguments: argparse.Namespace) -> int:
    if arguments.compare:
        return coverage_reading.compare(arguments.compare)
    target = targets.read(arguments.target) if arguments.target else None
    if arguments.renew and not arguments.baseline:
        raise InvalidFile(Path("coverage"), "--renew", "needs the file: --baseline FILE")
    sources, known = _sources(arguments, target), whose.vocabulary(arguments.target)
    return coverage_reading.print_matrix(sources, known, arguments.target, arguments.baseline, arguments.renew)


def _report(arguments: argparse.Namespace) -> int:
    folder = (arguments.run or whose.runs(arguments.target) / "latest").resolve()
    if claims.is_of_claims(folder):
        return claims.again(folder)
    if ending.is_round(folder):
        ending.write(folder)
    return artifacts.judge_and_print(folder)


def _validate(arguments: argparse.Namespace) -> int:
    named = arguments.files or [whose.experiments_of(arguments)]
    chosen = [file for one in named for file in (experiments.files(one) if one.is_dir() else [one])]
    if not chosen:
        raise InvalidFile(named[0], "", "there is no experiment in it")
    if not arguments.files and arguments.target is None:
        print(f"{claims.validate()} claims can be measured and judged")
    return listing.validate(chosen, whose.vocabulary(arguments.target), _notes(arguments))


def _notes(arguments: argparse.Namespace) -> Callable[[Experiment], list[str]]:
    return lambda experiment: [*experiments.notes(experiment), *whose.notes(arguments.target, experiment)]


def _dashboards(arguments: argparse.Namespace) -> int:
    progress, interrupts = Progress(), Interrupts()
    interrupts.listen("what was begun is ended")
    target = whose.target_of(arguments.target, progress, interrupts, whole=True)
    progress.phase("dashboards")
    rows = check_dashboards.check(System(target, control_of(target)), arguments.within, progress.waits, interrupts)
    progress.done(f"{len(rows)} panels and variables asked under load")
    print(*panels_shown.render(rows), sep="\n")
    return 1 if any(row.amiss for row in rows) else 0


def _list(arguments: argparse.Namespace) -> int:
    folder, known = whose.experiments_of(arguments), whose.vocabulary(arguments.target)
    if arguments.markdown:
        print(listing.catalogue(folder, known), end="")
        return 0
    return listing.print_all(folder, known, arguments.target)


def _schema(arguments: argparse.Namespace) -> int:
    print(target_schema.text() if arguments.what == "target" else document.schema_text(), end="")
    return 0


def _undo(arguments: argparse.Namespace) -> int:
    target = whose.existing_target(arguments.target)
    if target is None:
        print("nothing to undo: no stack is up")
        return 0
    interrupts = Interrupts()
    interrupts.listen("going on until all is undone; a second signal skips waiting for proofs")
    return undo.undo(target, interrupts)


def _experiment_file(arguments: argparse.Namespace) -> Path:
    named: str = arguments.experiment
    return (
        Path(named) if named.endswith((".yaml", ".yml")) else experiments.find(whose.experiments_of(arguments), named)
    )


_COMMANDS: dict[str, Command] = {
    "run": _run,
    "report": _report,
    "adopt": adopt.adopt,
    "all": _all,
    "ablation": ablation.ablation,
    "coverage": _coverage,
    "validate": _validate,
    "dashboards": _dashboards,
    "claims": claims.measure,
    "list": _list,
    "gameday": gameday.gameday,
    "console": console.console,
    "lint-alerts": carried.lint_alerts,
    "drill-time": carried.drill_time,
    "pager": carried.pager,
    "undo": _undo,
    "schema": _schema,
    **{name: whose.command(name) for name in ("compose-file", "up", "down", "restart", "status")},
}
