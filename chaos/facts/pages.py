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
    group: str = ""
    """Alertmanager's key of the group that it tells of; not recorded by earlier releases."""


class MessageSeen(Fact, frozen=True, tag="message_seen"):
    """A message for people that reached the pager, by what the receiver uses beside its webhook."""

    receiver: str
    kind: str
    """What it was sent by, such as `slack`."""
    accepted: bool
    reason: str
    status: str
    """`firing` or `resolved`; empty where the message does not say."""
    key: str
    """Under which its service opens and closes; empty where it knows no such thing."""
    severity: str
    title: str
    text: str


class PagerSeen(Fact, frozen=True, tag="pager_seen"):
    """One look at the pager."""

    error: str | None
