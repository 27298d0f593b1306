"""Dozens of instances asked a few at a time; who does not answer is unknown, and says nothing of the others."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from chaos.control.port import ProcessState, unknown
from chaos.errors import SignalUnavailable

Asked = TypeVar("Asked")


def ask_all(
    groups: Mapping[Asked, Collection[str]], ask: Callable[[Asked], Mapping[str, ProcessState]], at_once: int
) -> dict[str, ProcessState]:
    """Ask for each group of instances, `at_once` at a time, each question with the time-out that `ask` gives it.

    Where one raises SignalUnavailable its instances are unknown, with its words. Any other error is raised here.
    """

    def answer(asked: Asked) -> Mapping[str, ProcessState]:
        try:
            return ask(asked)
        except SignalUnavailable as error:
            return dict.fromkeys(groups[asked], unknown(str(error)))

    with ThreadPoolExecutor(max(1, min(at_once, len(groups)))) as pool:
        return {name: state for answered in pool.map(answer, groups) for name, state in answered.items()}
