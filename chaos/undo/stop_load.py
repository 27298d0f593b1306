"""The undo of a load: whoever replays the records ends it, also when its runner is dead."""

from datetime import timedelta
from typing import ClassVar

import msgspec

from chaos.faults.hands import Proof, System
from chaos.load import starter

# Above the load's own drain of 2.5 s, so that requests in flight still get their true outcome.
_PATIENCE = timedelta(seconds=4)


class StopLoad(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="load"):
    """A load process, known by pid, start time and boot so that no stranger with the same pid is ever ended."""

    OUTLIVES_THE_STACK: ClassVar[bool] = False

    pid: int
    started: int
    boot: str = ""

    def undo(self, system: System) -> None:
        """End it; does nothing when it has ended."""
        starter.stop(self._process, _PATIENCE)

    def undone(self, system: System) -> Proof:
        """Look whether it has ended."""
        alive = starter.is_alive(self._process)
        return Proof(not alive, f"the load (pid {self.pid}) {'still runs' if alive else 'has ended'}")

    def gone(self, system: System) -> Proof:
        """Look whether it has ended."""
        return self.undone(system)

    def by_hand(self) -> str:
        """What a human does when it does not end."""
        return f"kill -KILL -- -{self.pid}"

    @property
    def _process(self) -> starter.LoadProcess:
        return starter.LoadProcess(self.pid, self.started, self.boot)
