"""What reaches the pager."""

import msgspec

from chaos.facts.fact import Fact


class PageAlert(msgspec.Struct, frozen=True):
    """One alert in a delivery."""

    name: str
    labels: dict[str, str]
    status: str
    fired_at: float
    annotations: dict[str, str] = {}
    """What the page says; not recorded by earlier releases."""


class PageSeen(Fact, frozen=True, tag="page_seen"):
    """A delivery to the pager; `at` is when it arrived there."""

    receiver: str
    accepted: bool
    reason: str
    alerts: list[PageAlert]
    truncated: int = 0
    """How many more alerts Alertmanager left out of it."""


class PagerSeen(Fact, frozen=True, tag="pager_seen"):
    """One look at the pager."""

    error: str | None
