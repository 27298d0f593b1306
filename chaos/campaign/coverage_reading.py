"""Reads the latest recording of each experiment, judges it anew and prints the coverage matrix; compares catalogues."""

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec
import yaml

from chaos.campaign import baseline, revision
from chaos.campaign.staleness import Present, stale
from chaos.errors import InvalidFile
from chaos.facts import files, recording
from chaos.facts.game import GAME_FILE
from chaos.facts.run import RunStarted
from chaos.judge.judge import judge
from chaos.report import comparison, matrix
from chaos.spec import experiment as experiments
from chaos.spec import rules
from chaos.spec.experiment import Experiment, Vocabulary
from chaos.verdict import catalogue
from chaos.verdict.catalogue import Catalogue
from chaos.verdict.coverage import Matrix, Row

Presently: TypeAlias = Callable[[float], Present]
"""What runs would be made with now, at a pace that stretches the experiments' durations so much; raises InvalidFile."""
CATALOGUE_FILE = "catalogue.json"
_EXEMPTIONS = "exemptions.yml"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the project keeps what the matrix is made of."""

    root: Path
    experiments: Path
    alerts: Path
    runs: Path
    present: Presently
    names: frozenset[str] | None = None
    """The alerts to be proven, and then there need be no exemptions; None: those of the files in `alerts`."""

    @property
    def known(self) -> tuple[str, ...]:
        """Every alert there is. Raises InvalidFile."""
        return tuple(sorted(rules.alert_names(self.alerts) if self.names is None else self.names))

    @property
    def exemptions(self) -> dict[str, str]:
        """Why an alert may be without an experiment, by its name. Raises InvalidFile."""
        needed = self.names is None or (self.alerts / _EXEMPTIONS).exists()
        return read_exemptions(self.alerts) if needed else {}


def print_matrix(
    sources: Sources, known: Vocabulary, target: Path | None = None, before: Path | None = None, renew: bool = False
) -> int:
    """Print the matrix of the latest recordings; 1 when it is not complete, else 0. Raises InvalidFile.

    `target`: the target's file, for the command that renews what is stale. `before`: the file that says what may be
    open, which `renew` writes anew.
    """
    found = read_matrix(sources, known)
    print(matrix.render(found, time.time()), end="")
    gaps = found.gaps()
    if stale_ones := found.to_renew():
        print(f"renew what is stale: {_again(stale_ones, sources, target)}")
    if before is not None:
        return _against(before, gaps, renew)
    print(f"stormdrill: {len(gaps)} gaps in the coverage" if gaps else "stormdrill: the coverage is complete")
    return 1 if gaps else 0


def _again(names: list[str], sources: Sources, target: Path | None) -> str:
    if target is None:
        return f"make chaos-all ONLY='{' '.join(names)}'"
    only = " ".join(f"--only {name}" for name in names)
    return f"stormdrill all --target {target} {sources.experiments} {only}"


def _against(before: Path, gaps: Mapping[str, str], renew: bool) -> int:
    if renew:
        baseline.write(before, gaps)
        print(f"stormdrill: {len(gaps)} gaps in the coverage, written to {before}")
        return 0
    known = set(baseline.read(before).open)
    worse = {name: words for name, words in gaps.items() if name not in known}
    if closed := sorted(known - gaps.keys()):
        print(f"no longer open, so that --renew may take them out of {before}: {', '.join(closed)}")
    print(*(f"worse than the baseline: {words}" for words in worse.values()), sep="\n", end="\n" if worse else "")
    print(f"stormdrill: {len(worse) or 'no'} new gaps in the coverage, {len(gaps) - len(worse)} known")
    return 1 if worse else 0


def compare(folders: list[Path]) -> int:
    """Print whether these catalogue runs agree; 1 when they do not, else 0. Raises InvalidFile."""
    runs = [read_catalogue(folder) for folder in folders]
    if len({run.id for run in runs}) < max(len(runs), 2):
        raise InvalidFile(folders[0], "", "comparing takes two or more catalogue runs, each named once")
    print(comparison.render(runs), end="")
    return 0 if comparison.agree(runs) else 1


def read_matrix(sources: Sources, known: Vocabulary) -> Matrix:
    """The matrix of the latest recording of each experiment, judged anew. Raises InvalidFile."""
    latest = latest_recordings(sources.runs)
    current, _ = revision.of(sources.root)
    present = functools.cache(sources.present)
    rows = []
    for name in experiments.ids(sources.experiments):
        file = sources.experiments / f"{name}.yaml"
        rows.append(_row(name, file, experiments.read(file, known), latest.get(name), current, present))
    return Matrix(tuple(rows), sources.known, sources.exemptions)


def read_exemptions(alerts: Path) -> dict[str, str]:
    """Why an alert may be without an experiment, by its name. Raises InvalidFile."""
    file = alerts / _EXEMPTIONS
    try:
        listed = yaml.safe_load(file.read_text())["no_experiment"] or {}
        return {str(name): str(reason) for name, reason in listed.items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise InvalidFile(file, "no_experiment", f"not a list of exemptions: {error}") from error


def read_catalogue(folder: Path) -> Catalogue:
    """What a catalogue run wrote. Raises InvalidFile."""
    file = folder / CATALOGUE_FILE if folder.is_dir() else folder
    try:
        return msgspec.json.decode(file.read_bytes(), type=Catalogue)
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidFile(file, "", f"not a catalogue run: {error}") from error


def latest_recordings(runs: Path) -> dict[str, Path]:
    """The folder of the newest recording of each experiment, by its id; a game day's rounds are held otherwise."""
    found = []
    for file in [one for one in runs.glob(f"*/{files.FACTS_FILE}") if not (one.parent / GAME_FILE).exists()]:
        started = None if file.parent.is_symlink() else _started(file)
        if started:
            found.append((started.wall, started.experiment_id, file.parent))
    return {name: folder for _, name, folder in sorted(found)}


def _started(file: Path) -> RunStarted | None:
    with file.open("rb") as lines:
        try:
            return msgspec.json.decode(lines.readline(), type=RunStarted)
        except msgspec.DecodeError:
            # A run that was refused before its first fact.
            return None


def _unrun(name: str, experiment: Experiment) -> Row:
    fault = str(type(experiment.fault).__struct_config__.tag)
    return Row(name, experiment.claim, fault, [window.name for window in experiment.alerts], None)


def _row(name: str, file: Path, experiment: Experiment, folder: Path | None, current: str, present: Presently) -> Row:
    unrun = _unrun(name, experiment)
    if folder is None:
        return msgspec.structs.replace(unrun, marks=["no recording"])
    try:
        recorded = recording.read(folder)
    except InvalidFile as error:
        return msgspec.structs.replace(unrun, marks=[f"{folder.name} cannot be read: {error.reason}"])
    verdict = judge(recorded)
    marks = [f"made by revision {verdict.revision}"] if verdict.revision != current else []
    if verdict.dirty:
        marks.append("with uncommitted changes")
    if (folder / files.EXPERIMENT_FILE).read_bytes() != file.read_bytes():
        marks.append("the experiment's file has changed since")
    gone = stale(recorded, verdict, experiment, present(recorded.pace.stretch))
    return msgspec.structs.replace(unrun, verdict=verdict, seconds=recorded.seconds, marks=marks, stale=gone)


def of_files(sources: Sources, known: Vocabulary) -> list[Row]:
    """A row for each experiment file, without a run. Raises InvalidFile."""
    return [
        _unrun(name, experiments.read(experiments.find(sources.experiments, name), known))
        for name in experiments.ids(sources.experiments)
    ]


def matrix_of(run: Catalogue, files: list[Row], sources: Sources) -> Matrix:
    """The matrix that a catalogue run gives, experiments that were no part of it included. Raises InvalidFile."""
    rows = []
    entries = {entry.experiment: entry for entry in run.entries}
    for row in files:
        entry = entries.get(row.experiment)
        verdict = entry.verdict if entry else None
        missing = catalogue.DID_NOT_RUN if row.experiment in run.planned else "not part of this catalogue run"
        marks = [] if verdict else [(entry.detail if entry else "") or missing]
        seconds = entry.seconds if entry else 0.0
        rows.append(msgspec.structs.replace(row, verdict=verdict, seconds=seconds, marks=marks))
    return Matrix(tuple(rows), sources.known, sources.exemptions)
