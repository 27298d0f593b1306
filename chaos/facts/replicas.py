"""Whether replicas of one server say the same."""

from chaos.facts.fact import Fact


class ReplicasSeen(Fact, frozen=True, tag="replicas_seen"):
    """All that the target names of one kind, compared when the run began."""

    source: str
    """`Prometheus` or `Alertmanager`."""
    at_urls: list[str]
    """Without users and passwords."""
    said: list[str]
    """In words, on what they do not agree; empty when they do."""
