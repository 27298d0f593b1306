"""`redis.flush` and `redis.fill`: the cache is emptied again and again, or the masters' memory is filled up."""

from typing import ClassVar

from chaos.spec.faults.fault import FaultFields
from chaos.spec.faults.measure import Measure
from chaos.spec.values import Duration


class RedisFlush(FaultFields, frozen=True, tag="redis.flush"):
    """Deletes the cache's keys on all masters, sessions stay; begun anew every `every`, as readers fill it again."""

    MEASURE: ClassVar = Measure.COMMANDS

    every: Duration = Duration(milliseconds=50)

    def describe(self) -> str:
        return f"the cache's keys deleted on all Redis masters every {self.every} for {self.for_}"


class RedisFill(FaultFields, frozen=True, tag="redis.fill"):
    """Fills every master with keys of its own, each with a time to live as the cache's, up to a share of its limit."""

    MEASURE: ClassVar = Measure.COMMANDS

    share: float
    """Of maxmemory that is used; with 1 more keys come every second, so that others are evicted."""

    def describe(self) -> str:
        more = ", and more every second" if self.share == 1 else ""
        return f"every Redis master filled up to {self.share:.0%} of its memory{more} for {self.for_}"
