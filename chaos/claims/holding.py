"""Starts the processes that hold connections, each from an address of its own, and reads what they saw."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from chaos.claims.bench import Bench
from chaos.errors import SignalUnavailable
from chaos.facts.claims.facts import LoadSeen
from chaos.load.open_loop.held_job import HeldJob
from chaos.load.open_loop.job import Asked
from chaos.machine.process_identity import Child, is_alive, spawn, stop

ANSWERED_BY = "x-served-by"
_FIRST_ADDRESS = 2
"""127.0.0.2: the first is everybody's."""
_READY_WITHIN_SECONDS = 30.0
_BEGINS_WITHIN_SECONDS = 10.0
_ENDS_WITHIN_SECONDS = 20.0
_GONE_WITHIN = timedelta(seconds=5)
_POLL_SECONDS = 0.02
_NOT_SEEN = {"ready", "begun", "ended"}
"""The keys of lines that say how far a process is."""

Lines = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be held."""

    connections: int
    processes: int
    ramp_seconds: float
    """From the first connection's opening to the last one's, evenly."""
    every_seconds: float
    """So often each asks."""
    at_most_seconds: float
    """That all phases may last."""
    timeout_seconds: float = 5.0
    """That each request may take; less than `every_seconds`."""


def jobs(bench: Bench, url: str, wanted: Wanted, phases: Sequence[str], paths: Sequence[str]) -> list[HeldJob]:
    """One job for each process; all connections together are due evenly over the ramp."""
    address = urlsplit(url)
    each = ceil(wanted.connections / wanted.processes)
    apart = wanted.ramp_seconds / wanted.connections
    return [
        HeldJob(
            host=address.hostname or "",
            port=address.port or 80,
            requests=[Asked(path=path) for path in paths],
            connections=min(each, wanted.connections - number * each),
            source=f"127.0.0.{_FIRST_ADDRESS + number}",
            first_seconds=number * apart,
            apart_seconds=wanted.processes * apart,
            every_seconds=wanted.every_seconds,
            phases=list(phases),
            at_most_seconds=wanted.at_most_seconds,
            timeout_seconds=wanted.timeout_seconds,
            tag_header=ANSWERED_BY,
            name="held",
            labels={"client": str(number)},
            origin=bench.origin,
        )
        for number in range(wanted.processes)
    ]


@contextlib.contextmanager
def holding(bench: Bench, told: Sequence[HeldJob]) -> Iterator["Holding"]:
    """Processes that can be told to begin; they are gone at the block's end. Raises SignalUnavailable, Interrupted."""
    held = Holding(bench, told)
    try:
        held.until_ready()
        yield held
    finally:
        held.end()


class Holding:
    """Connections that are held by several processes, through phases that whoever measures begins."""

    def __init__(self, bench: Bench, told: Sequence[HeldJob]) -> None:
        self._bench = bench
        self._phases = told[0].phases
        self._files = [bench.folder / f"held-{number}" for number in range(len(told))]
        self._children: list[Child] = []
        self._begun = 0
        for job, file in zip(told, self._files, strict=True):
            file.with_suffix(".json").write_bytes(msgspec.json.encode(job))
            arguments = [str(file.with_suffix(suffix)) for suffix in (".json", ".out")]
            self._children.append(spawn("chaos.load.open_loop.held", arguments, file.with_suffix(".log")))

    @property
    def pids(self) -> list[int]:
        """The processes."""
        return [child.pid for child in self._children]

    def until_ready(self) -> None:
        """Wait until all can be told of phases.

        Raises SignalUnavailable after 30 s, and one more for each of them; Interrupted.
        """
        self._until(bool, _READY_WITHIN_SECONDS + len(self._children), "get ready")

    def next_phase(self) -> None:
        """The phase that lasts is over, and the next one has begun in every process.

        Raises SignalUnavailable where a process has ended, or did not begin it within 10 s; Interrupted.
        """
        for child in self._children:
            if not is_alive(child):
                raise SignalUnavailable(f"a process that holds connections ended: {self._said()}")
            os.kill(child.pid, signal.SIGUSR1)
        self._begun += 1
        self._until(lambda lines: {"begun": self._begun} in lines, _BEGINS_WITHIN_SECONDS, "begin a phase")

    def seen(self) -> list[LoadSeen]:
        """After the last phase: wait for their end, and record what each saw in each phase.

        Raises SignalUnavailable when one does not end within 20 s, or not in order; Interrupted.
        """
        ended = {"ended": len(self._phases)}
        self._until(lambda lines: lines[-1:] == [ended], _ENDS_WITHIN_SECONDS, "end in order")
        lines = [line for file in self._files for line in self._lines(file) if not line.keys() & _NOT_SEEN]
        found = [msgspec.convert(line, LoadSeen) for line in lines]
        for one in found:
            self._bench.write(one)
        return found

    def end(self) -> None:
        """See to it that they are gone; safe to repeat."""
        for child in self._children:
            stop(child, _GONE_WITHIN)

    def _until(self, done: Callable[[Lines], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while True:
            # Looked at before the files, as what has ended wrote its last line before.
            all_live = all(is_alive(child) for child in self._children)
            if all(done(self._lines(file)) for file in self._files):
                return
            if time.monotonic() > deadline or (not all_live and not self._one_ended_in_order()):
                raise SignalUnavailable(f"the processes that hold connections did not {what}: {self._said()}")
            self._bench.interrupts.wait(_POLL_SECONDS)

    def _one_ended_in_order(self) -> bool:
        return any("ended" in line for file in self._files for line in self._lines(file)[-1:])

    @staticmethod
    def _lines(file: Path) -> Lines:
        try:
            whole = file.with_suffix(".out").read_bytes().rpartition(b"\n")[0]
        except FileNotFoundError:
            return []
        return [msgspec.json.decode(line) for line in whole.splitlines()]

    def _said(self) -> str:
        logs = [file.with_suffix(".log") for file in self._files]
        return " ".join(log.read_text()[-300:].strip() for log in logs if log.exists()) or "their logs are empty"
