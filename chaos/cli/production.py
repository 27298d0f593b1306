"""Production is broken by nobody who has not said so, and never without a word on when to stop."""

from collections.abc import Iterable
from pathlib import Path

from chaos.errors import InvalidFile
from chaos.spec import target as targets
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment

YES = "--yes"
_FOR_EXAMPLE = 'abort_if: [{ query: "load:failed:ratio", bound: "> 0.2", for: 10s }]'


def assert_meant(target: Path | None, said_yes: bool, experiments: Iterable[Path]) -> None:
    """Whether these experiments may be run on the target of this file; asks nobody anything but files.

    Raises InvalidFile, with what is missing, of a target that is production.
    """
    if target is None or not targets.read(target).production:
        return
    for file in experiments:
        assert_ends(file, yamlfile.read(file, Experiment))
    if not said_yes:
        reason = f"production is broken only by who says so: the same command with {YES}, once you mean it"
        raise InvalidFile(target, "production", reason)


def assert_ends(file: Path, experiment: Experiment) -> None:
    """Raises InvalidFile where it says no condition of its own under which it is ended before its time."""
    if not experiment.abort_if or experiment.abort_if == "never":
        reason = f"the target is production: the experiment has to say when it is ended at once, as {_FOR_EXAMPLE}"
        raise InvalidFile(file, "abort_if", reason)


def again(target: Path, experiment: Path) -> str:
    """The command that runs it once more. Raises InvalidFile."""
    return f"stormdrill run --target {target}{f' {YES}' if targets.read(target).production else ''} {experiment}"
