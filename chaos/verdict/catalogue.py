"""The values of a catalogue run: every experiment once, in sequence; and whether several of them agree. Pure."""

from collections.abc import Sequence

import msgspec

from chaos.verdict.coverage import words
from chaos.verdict.verdict import Outcome, Verdict

DID_NOT_RUN = "did not run"


class Entry(msgspec.Struct, frozen=True):
    """What became of one experiment."""

    experiment: str
    exit_code: int
    """Of `stormdrill run`; negative where a signal ended it."""
    seconds: float
    """From its start to its end, bringing the stack back included."""
    run_id: str | None = None
    """The folder of its recording; None where there is none."""
    verdict: Verdict | None = None
    """Without its panels; None where there is no recording that can be judged."""
    detail: str = ""
    """Why there is no verdict."""
    brought_back: str = ""
    """What was unwell after it, so that the stack had to be brought up anew; empty where all was well."""

    @property
    def word(self) -> str:
        """Its verdict in a word."""
        return self.verdict.outcome.value if self.verdict else DID_NOT_RUN

    @property
    def held(self) -> bool:
        """Whether it held."""
        return self.verdict is not None and self.verdict.outcome is Outcome.HELD and self.exit_code == 0


class Catalogue(msgspec.Struct, frozen=True):
    """One catalogue run; also the content of `catalogue.json`."""

    id: str
    started: float
    """Unix time."""
    seconds: float
    revision: str
    dirty: bool
    planned: list[str]
    """Every experiment that was to be run, in order."""
    entries: list[Entry]
    """Those that were run, in order."""
    ended_early: str = ""
    """Why it was ended before the last experiment; empty when it was not."""

    @property
    def held(self) -> bool:
        """Whether every experiment was run and held."""
        return not self.ended_early and not self.left_out and all(entry.held for entry in self.entries)

    @property
    def left_out(self) -> list[str]:
        """Experiments that were planned and not run."""
        ran = {entry.experiment for entry in self.entries}
        return [name for name in self.planned if name not in ran]


class Difference(msgspec.Struct, frozen=True):
    """One thing on which catalogue runs do not agree."""

    what: str
    words: list[str]
    """What each run says, in the runs' order."""


def verdicts_compared(runs: Sequence[Catalogue]) -> int:
    """How many experiments were looked at."""
    return len(_experiments(runs))


def outcomes_compared(runs: Sequence[Catalogue]) -> int:
    """How many pairs of experiment and alert were looked at."""
    return sum(len(_alerts(runs, name)) for name in _experiments(runs))


def differences(runs: Sequence[Catalogue]) -> list[Difference]:
    """Every verdict and the outcomes of every alert's instances on which the runs do not agree.

    Which instance it is may be chance, as who is a Redis master: so many of them are compared, not their labels.
    """
    found = []
    for name in _experiments(runs):
        rows = [(name, [_word(run, name) for run in runs])]
        rows += [(f"{name} / {alert}", [_outcome(run, name, alert) for run in runs]) for alert in _alerts(runs, name)]
        found += [Difference(what, words) for what, words in rows if len(set(words)) > 1]
    return found


def _experiments(runs: Sequence[Catalogue]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in run.planned))


def _alerts(runs: Sequence[Catalogue], experiment: str) -> list[str]:
    verdicts = [entry.verdict for run in runs if (entry := _entry(run, experiment)) and entry.verdict]
    return sorted({alert.name for verdict in verdicts for alert in verdict.alerts})


def _word(run: Catalogue, experiment: str) -> str:
    entry = _entry(run, experiment)
    return f"{entry.word} ({entry.exit_code})" if entry else DID_NOT_RUN


def _outcome(run: Catalogue, experiment: str, alert: str) -> str:
    entry = _entry(run, experiment)
    return words(entry.verdict, alert) if entry and entry.verdict else "unknown"


def _entry(run: Catalogue, experiment: str) -> Entry | None:
    return next((entry for entry in run.entries if entry.experiment == experiment), None)
