"""What players may do to the system: the allow-listed actions, through the same hands and seams as the faults.

What has to be put back after the round has an undo record of its own, like a fault's.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from chaos.control.port import Scheduler
from chaos.errors import ChaosError, FaultFailed, GameRefused
from chaos.faults.hands import System
from chaos.faults.table import hands_of
from chaos.reach.haproxy import PANIC, HAProxy
from chaos.reach.silences import Silences
from chaos.spec.faults.balancer import HAProxyDrain
from chaos.spec.faults.scheduler import ServiceScale
from chaos.spec.faults.table import AnyFault
from chaos.spec.target import Target
from chaos.spec.values import Duration
from chaos.undo.journal import Undoable, UndoRecord

REPAIR = "repair COMPONENT KIND"
"""Whoever knows what is broken may have it put back."""
_ENDS_WITHIN_SECONDS = 10.0
_POLL_SECONDS = 0.1
_MOST_SILENT_MINUTES = 60
_BY = "game day"


@dataclass(frozen=True, slots=True)
class Actions:
    """Those of one round."""

    system: System
    register: Callable[[Undoable], UndoRecord]
    longest: Duration
    """No drain and no scale outlasts the round for longer than its undo takes; for how long its record says."""

    def offered(self) -> list[str]:
        """Each as it is asked for; a word in capitals stands for any."""
        target = self.system.target
        found = [f"restart {name}" for name in target.instances]
        if target.haproxy:
            servers = _servers(HAProxy(Path(target.haproxy)))
            found += [f"{verb} {server}" for server in servers for verb in ("drain", "undrain")]
        if isinstance(self.system.control, Scheduler):
            found.append("scale SERVICE REPLICAS")
        if target.urls.alertmanager:
            found.append("silence ALERT MINUTES")
        return [*found, REPAIR]

    def do(self, action: str) -> str:
        """Do it, up to 20 s; what was done. Raises ChaosError, with what is in the way."""
        match action.split():
            case ["restart", instance]:
                return self._restart(instance)
            case ["drain", server]:
                return self._as_a_fault(HAProxyDrain(self.longest, server))
            case ["undrain", server]:
                return self._undrain(server)
            case ["scale", service, replicas] if replicas.isdigit():
                return self._as_a_fault(ServiceScale(self.longest, service, int(replicas)))
            case ["silence", alert, minutes] if minutes.isdigit():
                return self._silence(alert, min(int(minutes), _MOST_SILENT_MINUTES))
        raise GameRefused(f"{action}: how is that meant?")

    def _as_a_fault(self, fault: AnyFault) -> str:
        hands = hands_of(fault)
        hands.check(self.system)
        record = self.register(fault)
        return hands.inject(self.system.on_behalf_of(record.number, record.cover))

    def _restart(self, instance: str) -> str:
        control = self.system.control
        if instance not in control.states():
            raise GameRefused(f"there is no {instance}")
        if not control.states()[instance].running:
            control.start(instance)
            return f"{instance} did not run, and is started"
        # What is frozen hears nothing: it is ended at once, as whoever restarts it would in the end.
        if control.paused(instance):
            control.kill(instance)
            control.start(instance)
            return f"{instance} did not listen, was ended at once, and is started"
        how = self._end(instance)
        control.start(instance)
        return f"{instance} was {how}, and is started"

    def _end(self, instance: str) -> str:
        control = self.system.control
        try:
            control.stop(instance)
        except FaultFailed:  # its manager has no such command
            control.kill(instance)
            return "ended at once"
        deadline = time.monotonic() + _ENDS_WITHIN_SECONDS
        while not control.states()[instance].kept_down:
            if time.monotonic() > deadline:
                control.kill(instance)
                return "asked to end, and ended after that"
            time.sleep(_POLL_SECONDS)
        return "asked to end"

    def _undrain(self, server: str) -> str:
        haproxy = HAProxy(Path(self.system.target.haproxy))
        if haproxy.status(server) is None:
            raise FaultFailed(f"HAProxy has no server {server}")
        for one in haproxy.servers_of(server):
            haproxy.tell(f"set server {one} state ready")
        return f"HAProxy uses {server} again"

    def _silence(self, alert: str, minutes: int) -> str:
        silences_of(self.system.target).make(alert, timedelta(minutes=minutes))
        return f"{alert} is silenced for {minutes} min"


def silences_of(target: Target) -> Silences:
    """Those that players made."""
    return Silences(target.urls.alertmanager, _BY)


def _servers(haproxy: HAProxy) -> list[str]:
    """Those that are instances; what else HAProxy has is a second name of one, or a sum."""
    try:
        rows = haproxy.statistics()
    except ChaosError:
        return []
    backends = [f"{row['pxname']}/{row['svname']}" for row in rows if row.get("type") == "2"]
    return [server for server in backends if not server.partition("/")[2].startswith(PANIC)]
