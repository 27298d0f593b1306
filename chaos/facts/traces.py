"""One trace as it is recorded: its spans with what they say of themselves, bounded, and what was cut."""

import msgspec

from chaos.facts.fact import Fact


class SpanSeen(msgspec.Struct, frozen=True):
    """One span."""

    id: str
    parent: str
    """The id of the span that it is a part of; empty: of none that the trace has."""
    service: str
    instance: str
    """The service's instance, as the span's resource names it; empty where it does not."""
    name: str
    began: float
    """Seconds since the trace's first span began."""
    took_seconds: float
    failed: bool
    attributes: dict[str, str] = {}
    kind: str = ""
    """`server`, `client`, `internal`, ... in OpenTelemetry's words; empty where it does not say."""


class TraceSeen(msgspec.Struct, frozen=True):
    """One trace."""

    id: str
    root: str
    """The service and the name of its first span."""
    began: float
    """Seconds since the run's start."""
    took_seconds: float
    """How long its first span took."""
    failed: bool
    """Whether any of its spans did."""
    detail: str
    """Of a failed one, the span in which it began, with its error."""
    spans: list[SpanSeen] = []
    """The first is its root; none in recordings of before spans were kept."""
    left_out: int = 0
    """How many more spans it has."""
    lost_parents: int = 0
    """How many of its spans, beside the first, are parts of one that the trace does not have: it is not whole."""

    @property
    def was_asked(self) -> bool:
        """Whether somebody asked for it; what a service does of its own accord nobody waits for."""
        return bool(self.spans) and self.spans[0].kind in ("server", "consumer")

    @property
    def was_refused(self) -> bool:
        """Whether its first span failed; else a part of it did, and was made good."""
        return bool(self.spans) and self.spans[0].failed


class TracesSeen(Fact, frozen=True, tag="traces_seen"):
    """Some traces of the run, for people to look at; never for a verdict."""

    error: str | None
    """Why the trace store told nothing, or not all; None when it answered."""
    traces: list[TraceSeen] = msgspec.field(default_factory=list)
    slow_seconds: float = 0.0
    """In recordings of before spans were kept: a trace that took at least this long was slow."""
    page: str = ""
    """Where a browser found a trace, its id to be appended, when the run ended; empty: no page for people answered."""
    whole_run: bool = False
    """Whether the run was asked for from its baseline to its end; before, it was the fault's window alone."""
    failed_found: int = 0
    """How many failed traces the store told of, of which `traces` has some."""
    more_failed: bool = False
    """Whether the store has more failed ones than it was asked to tell of."""
    more_slow: bool = False
    """Whether the store has more that are about as slow as some of these than it was asked to tell of."""
    missing: list[tuple[float, float]] = msgspec.field(default_factory=list)
    """From when to when no trace of `service` began, in seconds since the run's start."""
    in_the_making: str = ""
    """The trace store that the stack came up without, and that was being built then; nothing was asked."""
    service: str = ""
    """The service in which most traces begin: whom users ask. Empty: there was no trace at all."""
