"""Runs every experiment in sequence on one stack, each as a runner of its own, and writes the catalogue's reports.

A runner of its own, so that one that fails, crashes or hangs ends nothing but its own run.
"""

import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from chaos.campaign import artifacts
from chaos.errors import ChaosError, Interrupted
from chaos.machine.interrupts import Interrupts
from chaos.verdict.catalogue import Catalogue, Entry
from chaos.verdict.verdict import EXIT_CODES, Ending, Outcome, Verdict

ANOTHER_FOLLOWS = "--another-follows"
_AROUND_SECONDS = 120.0
"""Before a run begins, for a stack that has to come up, and after it, to judge it."""
_KILLED_AFTER_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.2
_LAST_LINES = 5


class StackLost(ChaosError):
    """The stack could not be brought back after an experiment."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the catalogue is run on."""

    command: tuple[str, ...]
    """Runs one experiment when its id is appended, and perhaps ANOTHER_FOLLOWS."""
    runs: Path
    longest: Callable[[str], float]
    """After so many seconds a runner of this experiment has given its lease back, or hangs."""
    bring_back: Callable[[bool], str]
    """Waits for the stack to be well and else brings it up anew: what was unwell, in words. Raises StackLost.

    It is told whether the run came to its end: then alerts, pages and traces were seen to come, and it is enough that
    every instance is ready.
    """


@dataclass
class Runner:
    """Runs experiments one after the other."""

    setting: Setting
    interrupts: Interrupts
    say: Callable[[str], None]
    """Shows what the present experiment does."""
    ended_early: str = ""
    _told: int = field(default=0, init=False)

    def run(self, experiment: str, another_follows: bool = False) -> Entry:
        """Run one experiment to its end, whatever that is, and see to it that the stack is well afterwards."""
        began, before = time.monotonic(), self._latest()
        code, last = self._run(experiment, *([ANOTHER_FOLLOWS] if another_follows else []))
        folder = self._latest()
        verdict, detail = _verdict(folder) if folder and folder != before else (None, "")
        run_id = folder.name if folder and folder != before else None
        completed = verdict is not None and verdict.outcome is not Outcome.INCONCLUSIVE
        brought_back = self._brought_back(completed)
        seconds = time.monotonic() - began
        return Entry(experiment, code, seconds, run_id, verdict, detail or ("" if verdict else last), brought_back)

    @property
    def signal_number(self) -> int | None:
        """The signal by which the user ended the catalogue; None when none did."""
        try:
            self.interrupts.check()
        except Interrupted as error:
            return error.signal_number
        return None

    def _run(self, experiment: str, *options: str) -> tuple[int, str]:
        longest = self.setting.longest(experiment) + _AROUND_SECONDS
        # In a session of its own: a Ctrl-C in the terminal reaches us alone, and we pass on what we got, once each.
        child = subprocess.Popen(
            (*self.setting.command, experiment, *options),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        lines: deque[str] = deque(maxlen=_LAST_LINES)
        reader = threading.Thread(target=self._follow, args=(child, lines), daemon=True)
        reader.start()
        code = self._until_ended(child, longest)
        reader.join(1.0)
        return code, "; ".join(line for line in lines if line.startswith("stormdrill: ")) or "; ".join(lines)

    def _follow(self, child: "subprocess.Popen[str]", lines: deque[str]) -> None:
        assert child.stderr is not None
        with child.stderr as said:
            for line in said:
                lines.append(line.strip())
                self.say(line.strip())

    def _until_ended(self, child: "subprocess.Popen[str]", longest: float) -> int:
        began = time.monotonic()
        while True:
            try:
                return child.wait(_LOOK_EVERY_SECONDS)
            except subprocess.TimeoutExpired:
                self._pass_on(child)
            over = time.monotonic() - began - longest
            if over > _KILLED_AFTER_SECONDS:
                child.kill()
            elif over > 0:
                child.terminate()

    def _pass_on(self, child: "subprocess.Popen[str]") -> None:
        wanted = 2 if self.interrupts.in_a_hurry else 0 if self.signal_number is None else 1
        while self._told < wanted:
            self._told += 1
            child.send_signal(self.signal_number or signal.SIGINT)

    def _latest(self) -> Path | None:
        link = self.setting.runs / "latest"
        return link.resolve() if link.is_symlink() else None

    def _brought_back(self, completed: bool) -> str:
        try:
            return self.setting.bring_back(completed)
        except StackLost as error:
            self.ended_early = str(error)
            return str(error)


def run_all(planned: list[str], runner: Runner, started: Catalogue, save: Callable[[Catalogue], None]) -> Catalogue:
    """Run the planned experiments; `save` is called with what there is after each. Never raises for one of them."""
    began, catalogue = time.monotonic(), started
    for number, name in enumerate(planned, 1):
        if runner.signal_number is None and not runner.ended_early:
            entry = runner.run(name, another_follows=number < len(planned))
            catalogue = msgspec.structs.replace(
                catalogue, entries=[*catalogue.entries, entry], seconds=time.monotonic() - began
            )
            save(catalogue)
    return msgspec.structs.replace(catalogue, ended_early=_why(runner), seconds=time.monotonic() - began)


def exit_code(catalogue: Catalogue, signal_number: int | None) -> int:
    """0 only if every experiment was run and held; what a signal ended says so, one that came too late does nothing."""
    if signal_number is not None and catalogue.ended_early:
        return int(EXIT_CODES[Ending.INTERRUPTED if signal_number == signal.SIGINT else Ending.TERMINATED])
    return 0 if catalogue.held else 1


def _why(runner: Runner) -> str:
    number = runner.signal_number
    return runner.ended_early if number is None else f"by {signal.Signals(number).name}"


def _verdict(folder: Path) -> tuple[Verdict | None, str]:
    """The verdict of a run without its panels, or why there is none."""
    file = folder / artifacts.VERDICT_FILE
    try:
        verdict = (
            msgspec.json.decode(file.read_bytes(), type=Verdict) if file.exists() else artifacts.judge_and_write(folder)
        )
    except (ChaosError, msgspec.DecodeError, AssertionError) as error:
        return None, f"its recording cannot be judged: {error}"
    return msgspec.structs.replace(verdict, panels=[]), ""


def command(root_arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The command that runs one experiment, its id to be appended."""
    return (sys.executable, "-m", "chaos", "run", *root_arguments)
