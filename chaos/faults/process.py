"""`process.kill`: an instance dies at once and stays dead until the undo."""

import httpx

from chaos.errors import FaultFailed
from chaos.faults.fault import FaultFields, Proof, System

_READY_TIMEOUT_SECONDS = 1.0


class ProcessKill(FaultFields, frozen=True, tag="process.kill"):
    """SIGKILL to the instance's whole process group; its process manager is told to keep it down."""

    instance: str

    def describe(self) -> str:
        """See Fault."""
        return f"SIGKILL to the process group of {self.instance}, kept down for {self.for_}"

    def aims_at(self) -> str | None:
        """See Fault."""
        return self.instance

    def check(self, system: System) -> None:
        """See Fault."""
        states = system.control.states()
        if self.instance not in system.target.instances or self.instance not in states:
            raise FaultFailed(f"the target has no instance {self.instance}")
        if not states[self.instance].running:
            raise FaultFailed(f"{self.instance} does not run ({states[self.instance].state})")

    def inject(self, system: System) -> str:
        """See Fault."""
        pid = system.control.kill(self.instance)
        return f"process group {pid} of {self.instance} got SIGKILL and is gone"

    def in_place(self, system: System) -> Proof:
        """See Fault."""
        state = system.control.states()[self.instance]
        return Proof(state.kept_down, f"{self.instance} is {state.state} with pid {state.pid}")

    def undo(self, system: System) -> None:
        """See Fault."""
        system.control.start(self.instance)

    def undone(self, system: System) -> Proof:
        """See Fault."""
        state = system.control.states()[self.instance]
        ready = system.target.instances[self.instance].ready
        if not state.running:
            return Proof(False, f"{self.instance} is {state.state}")
        return _serves(self.instance, ready) if ready else Proof(True, f"{self.instance} runs as pid {state.pid}")

    def by_hand(self) -> str:
        """See Fault."""
        return f"start {self.instance} again: `make down` and `make up` bring the whole stack back"


def _serves(instance: str, ready: str) -> Proof:
    try:
        status = httpx.get(ready, timeout=_READY_TIMEOUT_SECONDS, trust_env=False).status_code
    except httpx.HTTPError as error:
        return Proof(False, f"{instance} does not answer at {ready}: {type(error).__name__}")
    return Proof(status == 200, f"{instance} answers {status} at {ready}")
