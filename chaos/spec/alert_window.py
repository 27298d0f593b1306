"""What an experiment says of alerts: which must fire, and which may."""

import math

import msgspec

from chaos.spec.values import Bound, Duration


class AlertWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One alert that must fire, be delivered and resolve; with `each` or `count`, every instance of it that the window
    takes."""

    name: str
    fires_within: Duration
    """From the proven injection to the page accepted."""
    resolves_within: Duration
    """From the proven undo to the resolved message accepted."""
    labels: dict[str, str] = {}
    """Labels that the alert must carry; others may be there too."""
    receiver: str = ""
    """The receiver at which its page counts; empty: those that Alertmanager's routes name."""
    each: bool = False
    """Take every instance that has these labels, at least one; else one, and a further one is a surprise."""
    count: Bound | None = None
    """Take so many, such as `>= 2` or `== 3`; a further one is a surprise, a missing one is missed."""

    @property
    def fewest(self) -> int:
        """So many instances have to fire."""
        if self.count is None:
            return 1
        limit = math.ceil(self.count.limit)
        return {">=": limit, "==": limit, ">": math.floor(self.count.limit) + 1}.get(self.count.comparison, 1)

    @property
    def most(self) -> float:
        """So many it takes at most."""
        if self.count is None:
            return math.inf if self.each else 1
        limit = math.floor(self.count.limit)
        return {"<=": limit, "==": limit, "<": math.ceil(self.count.limit) - 1}.get(self.count.comparison, math.inf)

    def fits(self, name: str, labels: dict[str, str]) -> bool:
        """Whether an instance is one of those it may take."""
        return name == self.name and self.labels.items() <= labels.items()

    def amiss(self) -> str:
        """Why it cannot be used; empty when it can."""
        if self.count is not None and self.each:
            return "each takes as many as there are, and count so many: give one of them"
        if self.count is not None and (self.fewest < 1 or self.most < self.fewest):
            return f"count: {self.count} takes no alert; to say that one must not fire, do not list it"
        return ""


class MayFire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An alert that may fire, because whether it does is a matter of chance; one that does must be told and resolve."""

    name: str
    labels: dict[str, str] = {}
    """Only instances that carry these; others that fire are surprises."""
    fires_within: Duration | None = None
    """From the proven injection to the page accepted; None: whenever."""
    resolves_within: Duration | None = None
    """From the proven undo to the resolved message accepted; None: before the run ends."""

    def fits(self, name: str, labels: dict[str, str]) -> bool:
        """Whether an instance is one of those that may fire."""
        return name == self.name and self.labels.items() <= labels.items()
