"""What the process that asks is told, as one JSON file."""

import msgspec

from chaos.spec.claims.profile import Stage


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request that may be made."""

    path: str
    weight: float = 1.0
    """How often it is drawn, beside the others."""
    method: str = "GET"
    headers: dict[str, str] = {}
    body: str = ""
    """`%N%` in path and headers is another number each time, for instance of an idempotency key."""


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One load."""

    host: str
    port: int
    requests: list[Asked]
    connections: int
    """Opened before the first request is due, and again when one was lost."""
    timeout_seconds: float = 5.0
    """From when it was due; after it a request has failed, and its connection is closed."""
    in_turn: bool = False
    """Ask for the requests one after the other, rather than by their weights."""
    tag_header: str = ""
    """Latencies are counted apart by this header of the answer, or by several with commas between."""
    sources: list[str] = []
    """Local addresses to come from, in turn: each has its own 28,000 ports."""
    seed: int = 1
    profile: list[Stage] = []
    """Filled in by whoever starts it, as is what follows."""
    name: str = ""
    labels: dict[str, str] = {}
    origin: float = 0.0
    """The recording's zero on the monotonic clock."""
