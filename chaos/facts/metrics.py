"""What PromQL checks were answered."""

from chaos.facts.fact import Fact


class QueryHistory(Fact, frozen=True, tag="query_history"):
    """The answers to one PromQL check at every scrape of the run; None where there was no one number."""

    query: str
    samples: list[tuple[float, float | None]]
