"""Our own stack, as commands bring it up, take it down and ask for it.

With claim_stack.py beside it the only file that knows `compose`; whose.py imports it, once somebody asks for our own.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from chaos.campaign.runner import StackLost
from chaos.campaign.staleness import Present
from chaos.cli import run, settling, undo
from chaos.cli.checkout import ALERTS
from chaos.control.of_target import control_of
from chaos.drill import preflight
from chaos.drill.clean_past import CleanPast
from chaos.drill.progress import Progress
from chaos.errors import Interrupted, InvalidFile, RunInProgress, UndoFailed
from chaos.faults.hands import System
from chaos.machine.clock import SystemClock
from chaos.machine.interrupts import Interrupts
from chaos.spec import routing, rule_text, rules
from chaos.spec import target as targets
from chaos.spec.experiment import Experiment, Vocabulary
from chaos.spec.pace import FASTEST, Pace
from chaos.spec.target import Target
from chaos.spec.values import Duration
from chaos.undo.lease import LeaseFile
from compose import drill_time, pages, rolling, runtime, topology
from compose import settings as stack_settings
from compose.drill_time import DrillTimeError
from compose.pace import timing
from compose.settings import InvalidSettings, StackSettings
from compose.stack import StackError
from compose.standalone import standalone
from compose.tools import MissingTool
from compose.topology import Topology

_POLL_SECONDS = 0.2
OWN_TIMES = {"the shop shows stale products": Duration.parse("5m"), "a session lives": Duration.parse("30m")}
"""What the services do in real time at every pace, and a hold may outlast."""
STACK_ERRORS = (StackError, MissingTool, InvalidSettings, DrillTimeError)
"""What keeps a stack from coming up, each in words that say what to do."""


def runs() -> Path:
    """Where recordings are."""
    return stack_settings.from_environment().runs


def settle(target: Target, interrupts: Interrupts) -> Callable[[bool], str]:
    """Waits until no runner is at work and all parts are well; what stays unwell, in words."""
    settings = stack_settings.from_environment()
    system = System(target, control_of(target))

    def look(completed: bool) -> str:
        if completed:
            return preflight.unwell(system)
        return "; ".join(f"{name}: {why}" for name, why in runtime.status(settings)[1].items())

    return settling.settle(target, interrupts, look)


def bring_back(interrupts: Interrupts) -> None:
    """Bring it up again after a run that left it unwell; nothing once a signal arrived. Raises StackLost."""
    if interrupts.arrived:
        return  # the catalogue ends here, and whoever ended it may want to look at what is unwell
    try:
        bring_up(lambda _: None, interrupts)
    except Interrupted as error:
        raise StackLost("the stack is down: its bringing up was interrupted") from error
    except (StackError, RunInProgress, UndoFailed) as error:
        raise StackLost(f"the stack could not be brought back: {error}") from error


def compose_file(_: argparse.Namespace) -> int:
    """Write the self-contained compose file."""
    print(*standalone.write(), sep="\n")
    return 0


def up(_: argparse.Namespace) -> int:
    """Bring it up, and say what can be looked at."""
    interrupts = Interrupts()
    interrupts.listen("ending what was started")
    began = time.monotonic()
    stack = bring_up(Progress().note, interrupts)
    print(f"stack up and proven healthy in {time.monotonic() - began:.1f} s")
    print(*pages.lines(stack_settings.from_environment(), stack, pages.look(stack)), sep="\n")
    print("next: make chaos-kill-instance | make list | make status | make down")
    return 0


def to_look_at() -> list[str]:
    """Where people can look at it, which is up; 2 s at most."""
    settings = stack_settings.from_environment()
    built = topology.build(settings)
    return pages.lines(settings, built, pages.look(built))


def bring_up(
    progress: Callable[[str], None], interrupts: Interrupts, settings: StackSettings | None = None
) -> Topology:
    """Bring our own stack up; what a run left behind is undone first, for its records go with the stack of before.

    With these settings, or else with the environment's.
    """
    settings = settings or stack_settings.from_environment()
    runtime.assert_known(settings)
    # The stack may rightly be unwell then, and would be cleaned away under the run.
    run.assert_free(settings.state)
    undo.undo_before_up(settings.state, _target_of_before())
    return runtime.up(settings, progress, interrupts)


def down(_: argparse.Namespace) -> int:
    """Undo what is live, and take it down."""
    settings = stack_settings.from_environment()
    runtime.assert_known(settings)
    interrupts = Interrupts()
    interrupts.listen("`down` goes on to its end")
    run.assert_free(settings.state, "end it with Ctrl-C first")
    undo.undo_before_down(settings.state, _target_of_before())
    was_up = runtime.down(settings, Progress().note)
    print("stack is down; nothing of it is left but the recordings" if was_up else "nothing was up")
    return 0


def restart(_: argparse.Namespace) -> int:
    """Restart its instances one after the other."""
    settings = stack_settings.from_environment()
    runtime.assert_known(settings)
    interrupts = Interrupts()
    interrupts.listen("the instance in hand is brought back, the others are not touched")
    run.assert_free(settings.state, "end it with Ctrl-C first")
    began = time.monotonic()
    number = rolling.restart(settings, Progress().note, interrupts)
    print(f"{number} instances restarted one after the other in {time.monotonic() - began:.1f} s")
    return 0


def status(_: argparse.Namespace) -> int:
    """Say what is up; 1 where a part is not well."""
    rows, unwell = runtime.status(stack_settings.from_environment())
    for program, process in rows:
        state = f"{process.state:<9} pid {process.pid:<8} up {process.uptime_seconds} s" if process else "not running"
        print(f"{program.name:<14}{program.port:<7}{state}")
    print(*[f"not well: {name}: {why}" for name, why in unwell.items()] or ["every part is proven healthy"], sep="\n")
    return 1 if unwell else 0


def target_of(progress: Progress, interrupts: Interrupts, *, whole: bool = False) -> Target:
    """Its target; it is brought up if need be. Raises InvalidFile, StackError.

    `whole`: a part that set-up is still building is waited for, however long that takes, rather than done without.
    """
    settings = stack_settings.from_environment()
    runtime.assert_known(settings)
    if whole and runtime.is_being_built(settings):
        _await_built(settings, progress, interrupts)
    target, clock = _target_of_before(), SystemClock()
    # While a run is live the stack may rightly be unwell: never clean it away under that run. Where a catalogue has
    # just cleaned the past, Prometheus has scraped nothing yet; what else is unwell the preflight finds.
    if target is not None and (LeaseFile(settings.state, clock).live() or CleanPast(target, clock).made_ahead()):
        return target
    progress.phase("stack")
    bring_up(progress.waits, interrupts)
    progress.done("up and proven healthy")
    return targets.read(settings.state / "target.yaml")


def _await_built(settings: StackSettings, progress: Progress, interrupts: Interrupts) -> None:
    progress.phase("set-up")
    while runtime.is_being_built(settings):
        progress.waits("for Jaeger, which is being built in the background")
        interrupts.wait(_POLL_SECONDS)
    progress.done("Jaeger is built")


def present(stretch: float) -> Present:
    """The rules and the routing that a run of our own stack would be made with. Raises InvalidFile, DrillTimeError.

    `stretch`: by what the durations of the experiments' files are multiplied at the run's pace.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        profile = timing.at(round(FASTEST / stretch))
        drill_time.generate(ALERTS, ALERTS / "alertmanager.yml", "http://pager", out, profile=profile)
        read = routing.read((out / "alertmanager.yml").read_text())
        return Present(tuple(rule_text.read(out / "rules")), read)


def pace_of_what_is_up() -> int | None:
    """That of our own stack, if one was up; None: none was."""
    target = _target_of_before()
    return target.pace if target else None


def _target_of_before() -> Target | None:
    """That of our own stack, if one was up and this release can read it."""
    try:
        return existing_target()
    except InvalidFile:
        return None


def existing_target() -> Target | None:
    """Its target, if there is one. Raises InvalidFile."""
    file = target_file()
    try:
        return targets.read(file) if file.exists() else None
    except InvalidFile as error:
        what_to_do = "where another release wrote it, `make up` replaces its stack and `make down` ends it"
        raise InvalidFile(file, error.path, f"{error.reason}; {what_to_do}", error.line) from error


def target_file() -> Path:
    """The target file that it has or will have. Raises InvalidSettings."""
    return stack_settings.from_environment().state / "target.yaml"


def vocabulary() -> Vocabulary:
    """The names that experiments may use on it. Raises InvalidFile."""
    stack = topology.build(stack_settings.from_environment())
    instances = frozenset(program.name for program in stack.programs)
    # The files are written for the fastest pace: at a slower one both sides of what is compared are longer.
    routes = routing.read((ALERTS / "alertmanager.yml").read_text())
    waits = rules.waits(rule_text.read(ALERTS), routes, FASTEST)
    return Vocabulary(rules.alert_names(ALERTS), instances, frozenset(stack.links()), waits=waits)


def notes(experiment: Experiment) -> list[str]:
    """What the stack's own times, which no pace changes, make of an experiment at the pace that is asked for."""
    asked = stack_settings.from_environment().pace
    held = experiment.at(Pace.of_ours(asked)).fault.for_
    outlasted = [what for what, own in OWN_TIMES.items() if experiment.fault.for_ <= own < held]
    return [f"at pace {asked} the fault is held for {held}, longer than {what}" for what in outlasted]


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "compose-file": compose_file,
    "up": up,
    "down": down,
    "restart": restart,
    "status": status,
}
"""Those that are about it alone."""
