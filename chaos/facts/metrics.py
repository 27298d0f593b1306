"""What PromQL checks were answered."""

import msgspec

from chaos.facts.fact import Fact


class QueryHistory(Fact, frozen=True, tag="query_history"):
    """The answers to one PromQL check at every scrape of the run; None where there was no one number."""

    query: str
    samples: list[tuple[float, float | None]]
    error: str | None = None
    """What Prometheus said instead, in its own words; None where it answered."""
    series: list[str] = msgspec.field(default_factory=list)
    """The first of several series, where the answer was not one number."""
    several: int = 0
    """How many series those were."""
