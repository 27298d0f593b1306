"""Which observers the experiment's own faults blinded, and when: their gaps then are by design, and no others."""

from collections.abc import Iterable
from dataclasses import dataclass

from chaos.facts.alerts import PrometheusSeen, RuleLoaded
from chaos.facts.recording import Facts
from chaos.judge.in_place import in_place
from chaos.judge.window import Window

_UNKNOWN_GRACE_BEATS = 2.0
"""Scrape and evaluation where the timing of no rule is known."""
HEARTBEAT_NEEDS = ("prometheus", "alertmanager", "pager")
"""Who has to work for a heartbeat to arrive."""


@dataclass(frozen=True, slots=True)
class Blinded:
    """One observer that told nothing, because the fault is that it cannot."""

    observer: str
    start: float
    """The fault's injection, in seconds since the run's start."""
    end: float
    """The proven undo, plus what an observer that has just come back needs to have looked once."""
    fault: str

    def covers(self, at: float) -> bool:
        """Whether it was blinded at this moment."""
        return self.start <= at <= self.end


@dataclass(frozen=True, slots=True)
class Blindness:
    """All spans of one run in which an observer was blinded."""

    spans: tuple[Blinded, ...]

    @classmethod
    def of(cls, recording: Facts, span: Window) -> "Blindness":
        """What the experiment's faults declare, from each one's injection to its undo and a grace."""
        grace = _grace_seconds(recording)
        return cls(
            tuple(
                Blinded(observer, one.start, span.end if one.end is None else one.end + grace, one.said.words)
                for one in in_place(recording, span)
                for observer in one.said.blinds
            )
        )

    def by(self, *observers: str) -> list[Blinded]:
        """The spans in which at least one of these was blinded."""
        return [blinded for blinded in self.spans if blinded.observer in observers]

    def blinded(self, observer: str, at: float) -> bool:
        """Whether this observer was blinded at this moment."""
        return any(one.covers(at) for one in self.by(observer))

    def that_count(self, looks: Iterable[PrometheusSeen], span: Window) -> list[PrometheusSeen]:
        """A Prometheus that has just begun, before the baseline or after a fault of it, has evaluated nothing yet."""
        told = [look for look in looks if not look.error and look.at >= (span.baseline or 0.0)]
        return [look for look in told if not self.blinded("prometheus", look.at)]

    def in_words(self, span: Window) -> list[str]:
        """One line for each, in seconds since the injection."""
        begin = span.injected or 0.0
        return [
            f"{one.observer}, from {one.start - begin:.1f} s to {one.end - begin:.1f} s: {one.fault}"
            for one in self.spans
        ]


def _grace_seconds(recording: Facts) -> float:
    """What a server that is back needs until it has scraped, evaluated and been looked at."""
    timings = [rule.timing for rule in recording.all(RuleLoaded)]
    known = [timing.scrape_seconds + timing.evaluation_seconds for timing in timings]
    return max(known, default=recording.pace.seconds(_UNKNOWN_GRACE_BEATS)) + recording.pace.look
