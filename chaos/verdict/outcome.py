"""The outcomes of an alert: the one table of their words, how bad each is, and how it is drawn."""

from dataclasses import dataclass
from enum import StrEnum


class AlertOutcome(StrEnum):
    """What became of one alert in one run."""

    # In the order in which reports list them.
    PROVEN = "proven"
    LATE = "late"
    UNDELIVERED = "undelivered"
    MISROUTED = "misrouted"
    """It reached somebody to whom no route leads."""
    MISSED = "missed"
    STUCK = "stuck"
    REFIRED = "refired"
    """It fired again after the pager had been told that it is resolved."""
    AGAIN = "again"
    """It fired when the baseline began, and again: nobody knows whether for the fault."""
    SURPRISE = "surprise"
    PARTLY = "partly"
    """Not listed, and nobody was paged, though for a part of its firing nothing kept the page back."""
    SILENCED = "silenced"
    """Not listed, and a silence or a mute interval kept it from being told."""
    PENDING = "pending"
    """Not fired when the run ended, and about to."""
    NOT_JUDGED = "not judged"
    """It was not due yet when a player ended the fault."""
    INHIBITED = "inhibited"
    """Not listed, and nobody was paged: another alert, which Alertmanager names, says it already."""
    NOT_OURS = "not ours"
    """Not listed, and by its labels no business of this target's."""
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
    def open(self) -> bool:
        """Whether nobody can say."""
        return _TABLE[self].well is None

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
    AlertOutcome.PROVEN: _Row(13, True, "✔"),
    AlertOutcome.LATE: _Row(3, False, "L"),
    AlertOutcome.UNDELIVERED: _Row(1, False, "U"),
    AlertOutcome.MISROUTED: _Row(2, False, "O"),
    AlertOutcome.MISSED: _Row(0, False, "M"),
    AlertOutcome.STUCK: _Row(4, False, "K"),
    AlertOutcome.REFIRED: _Row(5, False, "R"),
    AlertOutcome.AGAIN: _Row(9, None, "b"),
    AlertOutcome.SURPRISE: _Row(6, False, "S"),
    AlertOutcome.PARTLY: _Row(7, False, "I"),
    AlertOutcome.SILENCED: _Row(8, False, "Z"),
    AlertOutcome.PENDING: _Row(10, None, "p"),
    AlertOutcome.NOT_JUDGED: _Row(12, None, "-"),
    AlertOutcome.INHIBITED: _Row(14, True, "i"),
    AlertOutcome.NOT_OURS: _Row(17, True, "n"),
    AlertOutcome.ALLOWED: _Row(15, True, "a"),
    AlertOutcome.UNKNOWN: _Row(11, None, "?"),
    AlertOutcome.QUIET: _Row(16, True, "·"),
}
