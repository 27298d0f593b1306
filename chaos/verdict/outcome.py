"""The outcomes of an alert: the one table of their words, how bad each is, and how it is drawn."""

from dataclasses import dataclass
from enum import StrEnum


class AlertOutcome(StrEnum):
    """What became of one alert in one run."""

    # In the order in which reports list them.
    PROVEN = "proven"
    LATE = "late"
    UNDELIVERED = "undelivered"
    MISSED = "missed"
    STUCK = "stuck"
    SURPRISE = "surprise"
    INHIBITED = "inhibited"
    """Not listed, and nobody was paged: another alert, which Alertmanager names, says it already."""
    ALLOWED = "allowed"
    """The experiment says that it may fire."""
    UNKNOWN = "unknown"
    QUIET = "quiet"

    @property
    def well(self) -> bool:
        """Whether it is as it should be."""
        return _TABLE[self].well is True

    @property
    def wrong(self) -> bool:
        """Whether it refutes what the experiment claims; what is unknown is neither well nor wrong."""
        return _TABLE[self].well is False

    @property
    def rank(self) -> int:
        """The lower, the more it counts where one run says several things of alerts with one name."""
        return _TABLE[self].rank

    @property
    def mark(self) -> str:
        """One character for a grid; what is wrong is a capital."""
        return _TABLE[self].mark


@dataclass(frozen=True, slots=True)
class _Row:
    rank: int
    well: bool | None
    """None: nobody can say."""
    mark: str


_TABLE = {
    AlertOutcome.PROVEN: _Row(6, True, "✔"),
    AlertOutcome.LATE: _Row(2, False, "L"),
    AlertOutcome.UNDELIVERED: _Row(1, False, "U"),
    AlertOutcome.MISSED: _Row(0, False, "M"),
    AlertOutcome.STUCK: _Row(3, False, "K"),
    AlertOutcome.SURPRISE: _Row(4, False, "S"),
    AlertOutcome.INHIBITED: _Row(7, True, "i"),
    AlertOutcome.ALLOWED: _Row(8, True, "a"),
    AlertOutcome.UNKNOWN: _Row(5, None, "?"),
    AlertOutcome.QUIET: _Row(9, True, "·"),
}
