"""A signal at every line of a module: the places are taken from what was executed, so that none can be forgotten."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

Place = tuple[str, int]
"""File name and line."""


@contextmanager
def watched(modules: tuple[ModuleType, ...], at: Callable[[Place], None]) -> Iterator[None]:
    """Call `at` before each line of these modules that this thread executes in the block."""
    files = {module.__file__ for module in modules}

    def line(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            at((Path(frame.f_code.co_filename).name, frame.f_lineno))
        return line

    def call(frame: FrameType, _: str, __: Any) -> Any:
        return line if frame.f_code.co_filename in files else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield
    finally:
        sys.settrace(before)


def once_at(wanted: Place, number: signal.Signals = signal.SIGINT) -> Callable[[Place], None]:
    """Sends this process a signal before the first time that the line is executed."""
    sent = []

    def at(place: Place) -> None:
        if place == wanted and not sent:
            sent.append(place)
            signal.raise_signal(number)

    return at


def from_there_on(wanted: Place) -> Callable[[Place], None]:
    """Sends this process a signal before that line, and before every one that follows."""
    sent = []

    def at(place: Place) -> None:
        if place == wanted or sent:
            sent.append(place)
            signal.raise_signal(signal.SIGTERM)

    return at


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Whoever listens for signals in the block is this process, which goes on afterwards."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
