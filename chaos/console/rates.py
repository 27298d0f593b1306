"""How often one client may ask: a bucket of so many, which fills again at so many a second."""

import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_CLIENTS = 1_000
"""Of those that are remembered; the one that was not seen for longest is forgotten."""


class Rates:
    """The buckets of all clients."""

    def __init__(self, at_once: float, per_second: float, now: Callable[[], float] = time.monotonic) -> None:
        self._at_once, self._per_second, self._now = at_once, per_second, now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """By client: how much was left, and when."""

    def allows(self, client: str) -> bool:
        """Whether this client may ask once more now."""
        now = self._now()
        left, at = self._left.pop(client, (self._at_once, now))
        left = min(self._at_once, left + (now - at) * self._per_second)
        self._left[client] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > _MOST_CLIENTS:
            self._left.popitem(last=False)
        return left >= 1
