"""Whose stack a command is about: that of the target file that is named, else our own, which needs a checkout.

What knows our own stack is imported where it is asked for, so that a stack of one's own does without the checkout.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from chaos.campaign.staleness import Present
from chaos.cli import checkout, settling, theirs
from chaos.drill.progress import Progress
from chaos.machine.interrupts import Interrupts
from chaos.spec import door
from chaos.spec import target as targets
from chaos.spec.experiment import Experiment, Vocabulary
from chaos.spec.target import Target

BUILT_BESIDE = frozenset({"jaeger", "traces"})
"""What our own stack comes up without while set-up builds it, and the way to it: whoever breaks them needs them."""


def errors() -> tuple[type[Exception], ...]:
    """What keeps our own stack from coming up, each in words that say what to do; none where nobody asked for it."""
    found: tuple[type[Exception], ...] = getattr(sys.modules.get("chaos.cli.stack"), "STACK_ERRORS", ())
    return found


def command(name: str) -> Callable[[argparse.Namespace], int]:
    """A command about our own stack alone, by its name; it raises NeedsCheckout."""

    def does(arguments: argparse.Namespace) -> int:
        checkout.assert_there()
        from chaos.cli import stack

        return stack.COMMANDS[name](arguments)

    return does


def runs(file: Path | None) -> Path:
    """Where recordings are. Raises InvalidFile, NeedsCheckout."""
    if file is not None:
        return targets.read(file).runs_folder
    checkout.assert_there()
    from chaos.cli import stack

    return stack.runs()


def settle(target: Target, file: Path | None, interrupts: Interrupts) -> Callable[[bool], str]:
    """Waits until no runner is at work and, of our own stack, all parts are well; what stays unwell, in words."""
    if file is not None:
        return settling.settle(target, interrupts)
    checkout.assert_there()
    from chaos.cli import stack

    return stack.settle(target, interrupts)


def bring_back(file: Path | None, interrupts: Interrupts) -> Callable[[], None]:
    """Brings our own stack up again after a run that left it unwell; what is not ours is left as it is."""

    def bring() -> None:
        checkout.assert_there()
        from chaos.cli import stack

        stack.bring_back(interrupts)

    return bring if file is None else lambda: None


def to_look_at(file: Path | None) -> list[str]:
    """Where people can look at the target, which is up; 2 s at most. Raises InvalidFile, NeedsCheckout."""
    if file is None:
        checkout.assert_there()
        from chaos.cli import stack

        return stack.to_look_at()
    urls = targets.read(file).urls
    shown = {"grafana": urls.grafana, "prometheus": door.shown(urls.prometheus)}
    shown |= {"alertmanager": door.shown(urls.alertmanager), "jaeger": urls.jaeger_ui or door.shown(urls.jaeger)}
    shown |= {"users": urls.users}
    return ["to look at:", *(f"  {name:<13}{url}" for name, url in shown.items() if url)]


def target_of(file: Path | None, progress: Progress, interrupts: Interrupts, *, whole: bool = False) -> Target:
    """The target of this file, or else of our own stack, brought up if need be.

    `whole`: a part that set-up is still building is waited for, however long that takes, rather than done without.
    Raises InvalidFile, NeedsCheckout, and what keeps our own stack from coming up.
    """
    if file is not None:
        return targets.read(file)
    checkout.assert_there()
    from chaos.cli import stack

    return stack.target_of(progress, interrupts, whole=whole)


def existing_target(file: Path | None) -> Target | None:
    """The target of this file, or else of our own stack if there is one. Raises InvalidFile, NeedsCheckout."""
    if file is not None:
        return targets.read(file)
    checkout.assert_there()
    from chaos.cli import stack

    return stack.existing_target()


def target_file(file: Path | None) -> str:
    """This target file, or else the one that our own stack has or will have; empty: there is no checkout.

    Raises InvalidSettings.
    """
    if file is not None:
        return str(file.resolve())
    if not checkout.is_there():
        return ""
    from chaos.cli import stack

    return str(stack.target_file())


def experiments_of(arguments: argparse.Namespace) -> Path:
    """The folder that is named, else the one called `experiments` beside the target's file, else our own.

    Raises NeedsCheckout.
    """
    if arguments.experiments is not None:
        return Path(arguments.experiments)
    if arguments.target is not None:
        return Path(arguments.target.resolve().parent / "experiments")
    checkout.assert_there()
    return checkout.EXPERIMENTS


def vocabulary(file: Path | None) -> Vocabulary:
    """The names that experiments may use, by this target file or else by our own stack. Raises InvalidFile."""
    if file is not None:
        return theirs.vocabulary(file)
    checkout.assert_there()
    from chaos.cli import stack

    return stack.vocabulary()


def notes(file: Path | None, experiment: Experiment) -> list[str]:
    """What our own stack's times make of an experiment; another target's times are its own, and real."""
    if file is not None:
        return []
    checkout.assert_there()
    from chaos.cli import stack

    return stack.notes(experiment)


def present(stretch: float) -> Present:
    """The rules and the routing that a run of our own stack would be made with. Raises InvalidFile, DrillTimeError."""
    checkout.assert_there()
    from chaos.cli import stack

    return stack.present(stretch)


def pace_of_what_is_up() -> int | None:
    """That of our own stack, if one was up; None: none was."""
    checkout.assert_there()
    from chaos.cli import stack

    return stack.pace_of_what_is_up()
