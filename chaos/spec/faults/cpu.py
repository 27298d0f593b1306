"""`process.throttle` and `process.hog`: too little CPU, by a limit or because others take it."""

from datetime import timedelta
from typing import ClassVar

from chaos.spec.faults.fault import FaultFields
from chaos.spec.faults.measure import Measure
from chaos.spec.values import Duration

_KERNELS_PERIOD = Duration(milliseconds=100)
_LONGEST_PERIOD = timedelta(seconds=2)


class ProcessThrottle(FaultFields, frozen=True, forbid_unknown_fields=True, tag="process.throttle"):
    """An instance runs for a share of each period and stands still for the rest, as under a CPU limit.

    Where its manager has CPU limits, as Docker has, it is one: the instance stands still when its share is used up.
    Else its processes are stopped and let go in turn, whatever they do.
    """

    MEASURE: ClassVar = Measure.INSTANCES

    instance: str
    share: float
    """Of the time in which it may run, above 0 and below 1; under a limit, of one core."""
    period: Duration = _KERNELS_PERIOD
    """Run and rest together; the kernel's own CPU limits count in 100 ms, and take 1 s at most."""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not 0 < self.share < 1:
            raise ValueError("`share` must lie between 0 and 1")
        if self.period > _LONGEST_PERIOD:
            raise ValueError(
                f"`period` of more than {_LONGEST_PERIOD.total_seconds():g}s is a pause: use process.pause"
            )

    def describe(self) -> str:
        return f"{self.instance} runs for {self.share:.0%} of every {self.period}, for {self.for_}"

    def aims_at(self) -> str | None:
        return self.instance


class ProcessHog(FaultFields, frozen=True, forbid_unknown_fields=True, tag="process.hog"):
    """Processes that compute beside the system, on the same machine."""

    MEASURE: ClassVar = Measure.USERS
    LONGEST: ClassVar = timedelta(minutes=1)

    processes: int
    """How many; each takes a core if it can get one."""

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if self.processes < 1:
            raise ValueError("`processes` must be at least 1")

    def describe(self) -> str:
        return f"{self.processes} processes compute beside the system for {self.for_}"
