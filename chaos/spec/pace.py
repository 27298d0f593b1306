"""How fast time runs for a stack's rules, scrapes and groups: whatever waits for those is counted in beats.

What users feel, and how fast programs start, end and answer, is in real time at every pace.
"""

import math
from datetime import timedelta

import msgspec

from chaos.spec.values import Duration

FASTEST = 60
"""Minutes are seconds then; the files of our own stack's experiments are written for it."""
MOST_LOOKS = 3_600
"""So often each source is looked at in one run at most, so that a recording of hours stays as large as one of one."""
BASELINE_BEATS = 5.0
"""So long the steady state is watched before the fault."""
SETTLED_BEATS = 5.0
"""The steady state is back once it has held this long to the end."""
CALM_BEATS = 20.0
"""So long Prometheus may take to scrape, to evaluate and to be calm before a run."""
BEYOND_DESIGN_BEATS = 5.0
"""So much longer than its configuration explains an alert that may fire has for its messages."""


_SLOWEST_LOOKS = 3.0
_OWED_BEATS = 60.0
"""The slowest of our own rules looks back for thirty, is kept firing for twelve, and waits for its group's turn."""


class Pace(msgspec.Struct, frozen=True):
    """That of one run."""

    beat: float = 1.0
    """Seconds. Of a stack of ours, what a second of the fastest drill is; of another one the time in which its rules
    see something new: the longest of the intervals at which they are evaluated, and at which what they read is."""
    stretch: float = 1.0
    """By what the durations in an experiment's file are multiplied; 1 where the file is in real time."""
    look: float = 1.0
    """Seconds between two looks at each source of evidence."""
    owed: float = 0.0
    """Seconds that the slowest alert which may fire takes by design until it has been told to be over; 0: not known."""
    slowest: float = 0.0
    """Seconds between two looks of the slowest that Prometheus scrapes or evaluates, whatever it is; 0: not known."""
    telling: float = 0.0
    """Seconds in which users who come rarely have asked often enough to say something; 0: less than any of these."""
    met: float = 0.0
    """Seconds in which such users have met each instance that serves them often enough; 0: the same."""

    @classmethod
    def of_ours(cls, pace: int) -> "Pace":
        """That of a stack of ours, from 1 (production) to FASTEST."""
        return cls(FASTEST / pace, FASTEST / pace)

    @classmethod
    def in_real_time(cls, slowest_seconds: float) -> "Pace":
        """That of a stack that is not ours, whose rules and scrapes are this far apart."""
        return cls(max(1.0, slowest_seconds))

    def seconds(self, beats: float) -> float:
        """So many beats in seconds."""
        return beats * self.beat

    def stretched(self, duration: timedelta) -> Duration:
        """What a duration of an experiment's file is here."""
        return Duration(seconds=duration.total_seconds() * self.stretch)

    @property
    def baseline_seconds(self) -> float:
        """So long the steady state is watched before the fault."""
        return max(self.seconds(BASELINE_BEATS), self.telling, self.met)

    @property
    def settled_seconds(self) -> float:
        """The steady state is back once it has held this long to the end."""
        return max(self.seconds(SETTLED_BEATS), self.telling)

    @property
    def owed_seconds(self) -> float:
        """So long a run may have to wait for the messages of what may fire."""
        return self.owed or self.seconds(_OWED_BEATS)

    @property
    def calm_seconds(self) -> float:
        """So long every target has to be scraped, every rule evaluated, and the alerts to be calm."""
        return max(self.seconds(CALM_BEATS), _SLOWEST_LOOKS * self.slowest)

    def looking_for(self, seconds: float) -> "Pace":
        """The same for a run of this length: looks are a second apart, or as many as MOST_LOOKS allow."""
        return msgspec.structs.replace(self, look=float(max(1, math.ceil(seconds / MOST_LOOKS))))
