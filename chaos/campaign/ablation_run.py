"""The command `ablation`: each switch of the system off, beside the same experiment with it on, in one run."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from chaos.campaign import revision, runner
from chaos.campaign.runner import Runner, Setting
from chaos.errors import InvalidFile
from chaos.facts import recorder
from chaos.machine.durable import replace
from chaos.machine.interrupts import Interrupts
from chaos.report import ablation as shown
from chaos.spec.ablation import Ablated, Table
from chaos.verdict.ablation import Ablation, Compared, Side, side_of

DATA_FILE, PAGE_FILE, TEXT_FILE = "ablation.json", "ablation.html", "ablation.md"
Same = tuple[str, tuple[tuple[str, str], ...]]
"""An experiment and what both sides are given: rows that have both in common share one run with all on."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is compared, and how its experiments are run."""

    table: Table
    only: tuple[str, ...]
    """Globs of switches; none: all."""
    root: Path
    """Of the checkout, for its revision."""
    setting: Callable[[Mapping[str, str]], Setting]
    """How an experiment is run on a system that is told this."""

    def rows(self) -> list[Ablated]:
        """Those that are compared. Raises InvalidFile when none is."""
        rows = [one for one in self.table.switches if not self.only or _any_matches(one.switch, self.only)]
        if not rows:
            raise InvalidFile(Path("ablation"), "", f"no switch is called {' or '.join(self.only)}")
        return rows


def run(plan: Plan, runs: Path, interrupts: Interrupts, say: Callable[[str], None]) -> tuple[Path, Ablation]:
    """Compare all of them; the folder of the reports, and what came of it. Raises InvalidFile before anything.

    First every experiment with all on, one after the other, then each switch off, which brings the stack up anew. After
    each comparison the reports are written anew.
    """
    rows, began = plan.rows(), time.monotonic()
    folder = runs / recorder.free_id(runs, f"{time.strftime('%Y%m%d-%H%M%S')}-ablation")
    folder.mkdir(parents=True)
    found = Ablation(
        folder.name,
        time.time(),
        0.0,
        *revision.of(plan.root),
        [row.switch for row in rows],
        [],
        [] if plan.only else plan.table.exempt,
        "it is still running, or died",
    )
    _write(folder, found)
    one = _One(plan, interrupts, say)
    on = one.all_on(rows)
    compared: list[Compared] = []
    for row in rows:
        if one.ended_early:
            break
        off = one.side(row.experiment, row.settings)
        if one.ended_early:
            break  # what a signal ended says nothing of the switch
        compared.append(Compared(row, on[_same(row)], off))
        say(shown.line(compared[-1]))
        _write(folder, _with(found, compared, began))
    found = _with(found, compared, began, one.ended_early)
    _write(folder, found)
    return folder, found


@dataclass
class _One:
    """Runs one experiment after the other."""

    plan: Plan
    interrupts: Interrupts
    say: Callable[[str], None]
    ended_early: str = ""

    def all_on(self, rows: list[Ablated]) -> dict[Same, Side]:
        """Each experiment once, those on a stack of the same settings one after the other."""
        sames = sorted(dict.fromkeys(map(_same, rows)), key=lambda same: same[1])
        sides: dict[Same, Side] = {}
        for number, same in enumerate(sames):
            if self.ended_early:
                break
            # The past is made clean ahead only for a run on the very stack that is up.
            follows = number + 1 < len(sames) and sames[number + 1][1] == same[1]
            sides[same] = self.side(same[0], dict(same[1]), another_follows=follows)
            self.say(f"{same[0]:<28}all on: {sides[same].word}")
        return sides

    def side(self, experiment: str, told: Mapping[str, str], another_follows: bool = False) -> Side:
        """One run."""
        one = Runner(self.plan.setting(told), self.interrupts, lambda _: None)
        side = side_of(one.run(experiment, another_follows), told)
        self.ended_early = one.ended_early or (f"by signal {one.signal_number}" if one.signal_number else "")
        return side


def _same(row: Ablated) -> Same:
    return row.experiment, tuple(sorted(row.given.items()))


def _with(found: Ablation, compared: list[Compared], began: float, ended_early: str | None = None) -> Ablation:
    why = found.ended_early if ended_early is None else ended_early
    seconds = time.monotonic() - began
    return Ablation(
        found.id, found.started, seconds, found.revision, found.dirty, found.planned, list(compared), found.exempt, why
    )


def _write(folder: Path, found: Ablation) -> None:
    replace(folder / DATA_FILE, shown.render(found), durable=False)
    (folder / PAGE_FILE).write_text(shown.page(found))
    (folder / TEXT_FILE).write_text(shown.markdown(found))


def _any_matches(switch: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(switch, glob) for glob in globs)


def command(told: Mapping[str, str]) -> tuple[str, ...]:
    """The command that runs one experiment on a system that is told this."""
    return ("env", *(f"{name}={value}" for name, value in sorted(told.items())), *runner.command(()))
