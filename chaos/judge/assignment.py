"""Which alert instances an experiment's windows take: by labels, never by what became of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaos.judge.instance import Instance
from chaos.spec.alert_window import AlertWindow


@dataclass(frozen=True, slots=True)
class Assignment:
    """Every instance that has to be accounted for, at one place."""

    taken: tuple[tuple[Instance, ...], ...]
    """For each window, in the experiment's order, those that it takes."""
    left: tuple[Instance, ...]
    """Those that no window takes."""


def assign(windows: Sequence[AlertWindow], instances: Iterable[Instance]) -> Assignment:
    """The window with the most labels chooses first, then the one listed first; each takes its share by identity."""
    left = sorted((one for one in instances if one.counts), key=lambda one: one.key)
    taken: dict[int, list[Instance]] = {}
    for index, window in sorted(enumerate(windows), key=lambda one: (-len(one[1].labels), one[0])):
        fits = [one for one in left if window.fits(one.name, one.labels)]
        taken[index] = fits if window.most >= len(fits) else fits[: int(window.most)]
        left = [one for one in left if one not in taken[index]]
    return Assignment(tuple(tuple(taken[index]) for index in range(len(windows))), tuple(left))
