"""What the stack asks of whoever manages its processes, supervisord or Docker."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One program as its manager sees it."""

    name: str
    state: str
    """In the manager's words: supervisord's STOPPED, STARTING, RUNNING…; Docker's created, running, exited…"""
    pid: int
    """On this machine; 0 while it does not run."""
    uptime_seconds: int


class Manager(Protocol):
    """Starts and stops programs by name. Calls raise OSError when it does not answer."""

    def answers(self) -> bool:
        """Whether it is there and well."""

    def processes(self) -> list[ProcessState]:
        """Every program's state."""

    def start(self, name: str) -> None:
        """Ask for a start; a program that already runs is left alone."""

    def stop(self, name: str) -> None:
        """Ask a program to end in good order, and keep it down; one that does not run is left alone."""


def state_of(manager: Manager, name: str) -> ProcessState:
    """One program's state. OSError when the manager does not answer; StopIteration when it has no such program."""
    return next(row for row in manager.processes() if row.name == name)


def started(manager: Manager, name: str) -> bool:
    """Ask for a program's start, and see whether it is there; to be asked again until it is.

    A program that is still ending is not started, and supervisord does not say so. False also when the manager does not
    answer.
    """
    with suppress(OSError):
        manager.start(name)
        row = state_of(manager, name)
        return row.pid != 0 and row.state != "STOPPING"
    return False
