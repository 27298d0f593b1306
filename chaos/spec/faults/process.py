"""`process.kill`, `process.crash`, `process.pause`, `process.restart`: what happens to processes as a whole."""

from typing import ClassVar

from chaos.spec.faults.fault import FaultFields
from chaos.spec.faults.measure import Measure
from chaos.spec.values import Duration


class ProcessFault(
    FaultFields, frozen=True, forbid_unknown_fields=True, rename={"for_": "for", "several": "instances"}
):
    """What happens to one instance, or to several of them at once."""

    MEASURE: ClassVar = Measure.INSTANCES

    instance: str = ""
    """One instance; or else"""
    several: tuple[str, ...] = ()
    """some of them, `instances:` in the file."""

    def __post_init__(self) -> None:
        """Raises ValueError, which the file's reader turns into an error with its place."""
        if bool(self.instance) == bool(self.several):
            raise ValueError("give either `instance`, or `instances` for several at once")
        if len(set(self.several)) < len(self.several):
            raise ValueError("`instances` names one twice")

    def aims_at(self) -> str | None:
        return self.instance or None

    def instances(self) -> tuple[str, ...]:
        return self.several or (self.instance,)

    @property
    def names(self) -> str:
        return ", ".join(self.instances())


class ProcessKill(ProcessFault, frozen=True, tag="process.kill"):
    """SIGKILL to the whole process group; the process manager is told to keep it down."""

    def describe(self) -> str:
        return f"SIGKILL to the process group of {self.names}, kept down for {self.for_}"


class ProcessCrash(ProcessFault, frozen=True, tag="process.crash"):
    """SIGKILL to the whole process group behind its manager's back, which starts it again."""

    every: Duration | None = None
    """How old a new process grows before it crashes as well; without it there is one crash.

    The attacker looks a few times a second, so it may grow that much older.
    """

    def describe(self) -> str:
        again = f", and again when it has run for {self.every}" if self.every else ""
        return f"SIGKILL to the process group of {self.names}{again}; its process manager starts it again"


class ProcessPause(ProcessFault, frozen=True, tag="process.pause"):
    """SIGSTOP to all processes: they keep their connections and answer nothing, as in a long garbage collection."""

    def describe(self) -> str:
        return f"SIGSTOP to the processes of {self.names} for {self.for_}"


class ProcessRestart(ProcessFault, frozen=True, tag="process.restart"):
    """Asked to end in good order, and started again at once; over in a moment, and then watched for a while."""

    def describe(self) -> str:
        return f"{self.names} is asked to end, and started again; then watched for {self.for_}"
