"""Says which experiments there are, by principle and by fault, and whether their files are right; touches no stack."""

import sys
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

from chaos.errors import InvalidFile
from chaos.spec import experiment as experiments
from chaos.spec.experiment import PRINCIPLES, Experiment, Vocabulary
from chaos.verdict.verdict import ExitCode

_WIDTH = 26
_OTHER = "no principle named"


def print_all(folder: Path, vocabulary: Vocabulary, target: Path | None = None) -> int:
    """Print every experiment of the folder twice over: with its title by principle, and its id by fault."""
    read = {file.stem: experiments.read(file, vocabulary) for file in experiments.files(folder)}
    print(*_by_principle(read), "", "by fault", *_by_fault(read), "", sep="\n")
    one = f"stormdrill run --target {target} <name>" if target else "stormdrill run <name>"
    print(f"run one: {one if target else 'make chaos-<name>'}; what it does, without doing it: {one} --dry-run")
    return 0


def catalogue(folder: Path, vocabulary: Vocabulary) -> str:
    """The experiments of a folder as a Markdown page, by principle: what is done, what is claimed, who is paged."""
    lines = [
        "# The experiments",
        "Written by `stormdrill list --markdown`; a test compares it with the files.",
    ]
    read = {file.stem: experiments.read(file, vocabulary) for file in experiments.files(folder)}
    for principle in (*PRINCIPLES, ""):
        about = {name: experiment for name, experiment in read.items() if experiment.principle == principle}
        if about:
            lines += [
                "",
                f"## {principle or _OTHER}",
                "| run | what is done | claim | must page |",
                "|---|---|---|---|",
            ]
        for name, experiment in about.items():
            alerts = ", ".join(dict.fromkeys(window.name for window in experiment.alerts)) or "nobody"
            runtime = experiments.find(folder, name).parent.relative_to(folder).name
            run = f"`RUNTIME={runtime} make chaos-{name}`" if runtime else f"`make chaos-{name}`"
            cells = (run, experiment.describe_faults(), experiment.claim, alerts)
            lines.append(f"| {' | '.join(' '.join(cell.split()).replace('|', '/') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def validate(files: list[Path], known: Vocabulary, notes: Callable[[Experiment], list[str]] = lambda _: []) -> int:
    """Print what is wrong with these files; the exit code says whether anything is. A note is nothing wrong."""
    wrong = []
    if known.any_alert:
        print("note: names of alerts are not checked: the target names no `rules`, and no Prometheus that answers",
              file=sys.stderr)  # fmt: skip
    for file in files:
        try:
            experiment = experiments.read(file, known)
            for one in notes(experiment):
                print(f"note: {file.stem}: {one}", file=sys.stderr)
        except InvalidFile as error:
            wrong.append(str(error))
    print(*wrong or [f"{len(files)} experiments are valid"], sep="\n", file=sys.stderr if wrong else sys.stdout)
    return ExitCode.INVALID if wrong else 0


def _by_principle(read: dict[str, Experiment]) -> Iterable[str]:
    for principle in (*PRINCIPLES, ""):
        about = {name: experiment for name, experiment in read.items() if experiment.principle == principle}
        if about:
            yield principle or _OTHER
        for name, experiment in about.items():
            alerts = ", ".join(window.name for window in experiment.alerts)
            yield f"  {name:<{_WIDTH}} {experiment.title}"
            yield f"  {'':<{_WIDTH}} {f'must page: {alerts}' if alerts else 'nobody may be paged'}"


def _by_fault(read: dict[str, Experiment]) -> Iterable[str]:
    pairs = sorted((str(type(fault).__struct_config__.tag), name) for name in read for fault in read[name].faults)
    for fault, group in groupby(pairs, key=lambda pair: pair[0]):
        yield f"  {fault:<{_WIDTH}} {', '.join(dict.fromkeys(name for _, name in group))}"
