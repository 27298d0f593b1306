"""Runs one experiment and judges it."""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from chaos.campaign import artifacts, revision
from chaos.cli import production
from chaos.control.of_target import control_of
from chaos.drill.context import RunContext
from chaos.drill.drill import Drill
from chaos.drill.plan import Plan
from chaos.drill.progress import Progress
from chaos.errors import InvalidFile, RunInProgress, SignalUnavailable
from chaos.facts import recorder
from chaos.faults.hands import System
from chaos.faults.table import hands_of
from chaos.load import prepared
from chaos.machine.built_beside import standing_still
from chaos.machine.clock import SystemClock
from chaos.machine.interrupts import Interrupts
from chaos.observe import pace
from chaos.reach import entry
from chaos.report import durations
from chaos.spec import experiment as experiments
from chaos.spec import length, panel
from chaos.spec.door import doors
from chaos.spec.experiment import Experiment, Vocabulary
from chaos.spec.load import FEWEST_REQUESTS
from chaos.spec.loads import PathsLoad
from chaos.spec.pace import Pace
from chaos.spec.target import DOORS, Target
from chaos.undo.lease import LeaseFile
from chaos.undo.own_watchdog import own_watchdog

_RARE_PER_SECOND = 4.0
"""Of more, a hold of five seconds is long enough."""


def run(
    file: Path,
    known: Vocabulary,
    find_target: Callable[[Progress, Interrupts], Target],
    root: Path,
    dry: bool,
    target_file: Path | None = None,
    another_follows: bool = False,
) -> int:
    """Run the experiment of this file against the target, which may have to be brought up; its exit code.

    A target with a file of its own that names no watchdog gets one for this run. Where another run follows, its clean
    past is made while this one's ledgers are read back.
    """
    began = time.strftime("%Y%m%d-%H%M%S")
    experiment = experiments.read(file, known)
    version, dirty = revision.of(root)
    again = production.again(target_file, file) if target_file else f"make run EXP={file.stem}"
    print(f"stormdrill: revision {version}{' (dirty)' if dirty else ''}; again: {again}", file=sys.stderr)
    if dry:
        return _print_plan(experiment)
    progress, interrupts = Progress(), Interrupts()
    interrupts.listen("what was begun is undone; a second signal skips waiting for proofs")
    target = find_target(progress, interrupts)
    assert_let_in(target, target_file)
    target.state_folder.mkdir(parents=True, exist_ok=True)
    system = System(target, control_of(target))
    assert_free(target.state_folder)
    run_id = recorder.free_id(target.runs_folder, f"{began}-{file.stem}")
    at = pace.of(target, experiment, SystemClock(), progress.note)
    plan = replace(
        _plan(run_id, file, experiment.at(at), at, target, known, revision.of(root)), another_follows=another_follows
    )
    progress.note(f"load: {target.load.in_words()}; {_how_long(plan)}")
    recording = recorder.create(target.runs_folder, run_id, file, plan.pace)
    context = RunContext(run_id, file.stem, system, recording, interrupts, progress)
    with standing_still(target, progress.note):
        with own_watchdog(target, target_file):
            Drill(plan, context).run()
        return artifacts.judge_and_print(recording.folder)


def _plan(
    run_id: str, file: Path, held: Experiment, at: Pace, target: Target, known: Vocabulary, revised: tuple[str, bool]
) -> Plan:
    _assert_telling(file, held, target)
    # Were it left alone, the load would end by itself when the run can be long over.
    load = replace(target.load.settings(), max_duration=timedelta(seconds=length.longest(held, at)))
    return Plan(run_id, file.stem, held, at, known.should_run, load, *revised, tuple(panel.of_target(target)))


def _assert_telling(file: Path, held: Experiment, target: Target) -> None:
    """Raises InvalidFile where a hold is too short to say anything of users who come as rarely as these."""
    rate, seconds = target.load.settings().rate_per_second, held.fault.for_.in_seconds
    asked = any(check.from_load and check.during is not None for check in held.steady_state)
    if asked and rate < _RARE_PER_SECOND and rate * seconds < FEWEST_REQUESTS:
        wanted = math.ceil(FEWEST_REQUESTS / rate)
        few = f"in {held.fault.for_} users send {rate * seconds:g} requests, and {FEWEST_REQUESTS} are needed"
        raise InvalidFile(
            file, "fault.for", f"{few} to tell anything: hold it for {wanted}s or longer, or raise load.rate"
        )


def _how_long(plan: Plan) -> str:
    takes = length.about(plan.experiment, plan.pace)
    until = time.strftime("%H:%M:%S" if takes < 600 else "%H:%M", time.localtime(time.time() + takes))
    return f"takes about {durations.spoken(round(takes))}, until {until}"


def assert_let_in(target: Target, file: Path | None) -> None:
    """Raises InvalidFile when something that it takes to be let in by a server of the target is not there."""
    for name in DOORS:
        for door in doors(getattr(target.urls, name)):
            try:
                entry.assert_usable(door)
            except SignalUnavailable as error:
                raise InvalidFile(file or Path(target.name), f"urls.{name}", str(error)) from error
    if isinstance(target.load, PathsLoad):
        try:
            prepared.of(target.load, target.urls.users)
        except SignalUnavailable as error:
            raise InvalidFile(file or Path(target.name), "load", str(error)) from error


def assert_free(state: Path, what_to_do: str = "wait for it, or end it with Ctrl-C") -> None:
    """Raises RunInProgress when a runner is at work on the stack with this state folder."""
    if other := LeaseFile(state, SystemClock()).live():
        raise RunInProgress(f"run {other.run_id} (pid {other.pid}) is in progress: {what_to_do}")


def _print_plan(experiment: Experiment) -> int:
    print(f"{experiment.title}\nfault: {experiment.describe_faults()}\nundo: {hands_of(experiment.fault).by_hand()}")
    for window in experiment.alerts:
        print(f"alert: {window.name} within {window.fires_within}, resolved within {window.resolves_within}")
    return 0
