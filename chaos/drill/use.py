"""Counts how much that which a fault is about to hit is used, from the baseline's begin until it is injected."""

from dataclasses import dataclass, field

from chaos.errors import ChaosError, FaultFailed, Unmeasurable
from chaos.facts.run import Used
from chaos.faults import use
from chaos.faults.hands import System
from chaos.faults.use import Uses
from chaos.judge import effect
from chaos.report import words
from chaos.spec.faults.fault import FaultFields
from chaos.spec.faults.measure import Measure


@dataclass(slots=True)
class Use:
    """Of one fault; what is measured while it lasts is not looked at here."""

    fault: FaultFields
    _last: Uses = field(default_factory=dict)
    _looked: bool = False
    _grown: dict[str, float] = field(default_factory=dict)
    _why_not: str = ""

    @property
    def _measure(self) -> Measure | None:
        """None where it is measured while it lasts, or not at all."""
        measure = self.fault.measure()
        return measure if measure is not None and measure.before else None

    def look(self, system: System) -> None:
        """Look how much came since the last look; never raises: what is not told now may be told the next time."""
        if self._measure is None or self._why_not:
            return
        try:
            seen = use.so_far(self.fault, system)
        except Unmeasurable as error:
            self._why_not = str(error)
            return
        except ChaosError:
            return
        for part, counters in seen.items():
            known = self._last.setdefault(part, {}) if self._looked else dict(counters)
            grown = sum(_growth(known.get(name, 0.0), number) for name, number in counters.items())
            self._grown[part] = self._grown.get(part, 0.0) + grown
            # One that is not told of this time is not new when it is the next time.
            self._last[part] = known | counters
        self._looked = True

    def result(self) -> Used | None:
        """What was counted; None where that is measured while it lasts, or was asked for in vain.

        Raises FaultFailed when one of its parts was used too little for anybody to meet the fault.
        """
        if self._measure is None:
            return None
        if self._why_not:
            return Used(why_not=self._why_not)
        if not self._looked:
            return None
        used = Used(self._grown)
        if nobody := effect.too_little(self._measure.value, self._measure.least, used):
            raise FaultFailed(words.of(nobody[0]))
        return used


def _growth(before: float, now: float) -> float:
    # A counter that is lower began anew.
    return now - before if now >= before else now
