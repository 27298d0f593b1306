"""What players may do to the system: the allow-listed actions, through the same hands and seams as the faults.

Whatever one may leave behind has an undo record of its own, like a fault's, and is done only while somebody watches.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from chaos.control.port import Scheduler, state_of
from chaos.drill.context import RunContext
from chaos.errors import ChaosError, FaultFailed, GameRefused
from chaos.faults.hands import System
from chaos.faults.table import hands_of
from chaos.reach.haproxy import DRAINED, IN_MAINTENANCE, PANIC, HAProxy
from chaos.reach.silences import Silences
from chaos.spec.faults.balancer import HAProxyDrain
from chaos.spec.faults.process import ProcessKill
from chaos.spec.faults.scheduler import ServiceScale
from chaos.spec.faults.table import AnyFault
from chaos.spec.values import Duration
from chaos.undo.end_silence import EndSilence

T = TypeVar("T")

REPAIR = "repair COMPONENT KIND"
"""Whoever knows what is broken may have it put back."""
_OF_THE_HARNESS = ("toxiproxy", "watchdog")
"""Roles that only break things and put them back: restarting one would end a fault for whoever knows nothing."""
_ENDS_WITHIN_SECONDS = 10.0
_POLL_SECONDS = 0.1
_MOST_SILENT_MINUTES = 60
_STOPPED_WITHIN_SECONDS = 5.0
SILENCE = "silence"
_SAY_SO = "; it takes nothing away that is broken: where it was enough for users, `over` ends the round"
"""Behind an action whose effect nobody but users can see: the round waits for somebody who says that it is over."""


@dataclass(slots=True)
class Actions:
    """Those of one round."""

    context: RunContext
    longest: Duration
    """What an undo record says of how long it lasts."""
    _effect: threading.Lock = field(default_factory=threading.Lock)
    """Held for one call that changes something, and by whoever says that there are to be no more."""
    _over: bool = False

    @property
    def system(self) -> System:
        """What is acted on."""
        return self.context.system

    def offered(self) -> list[str]:
        """Each as it is asked for; a word in capitals stands for any."""
        target = self.system.target
        found = [f"restart {name}" for name, one in target.instances.items() if one.role not in _OF_THE_HARNESS]
        if target.haproxy:
            servers = _servers(HAProxy(Path(target.haproxy)))
            found += [f"{verb} {server}" for server in servers for verb in ("drain", "undrain")]
        if isinstance(self.system.control, Scheduler):
            found.append("scale SERVICE REPLICAS")
        if target.urls.alertmanager:
            found.append(f"{SILENCE} ALERT MINUTES")
        return [*found, REPAIR]

    def do(self, action: str) -> str:
        """Do it, up to 20 s; what was done. Raises ChaosError, with what is in the way."""
        self.context.assert_lease_held()
        self.context.assert_watched()
        match action.split():
            case ["restart", instance] if action in self.offered():
                return self._restart(instance)
            case ["drain", server]:
                return f"{self._as_a_fault(HAProxyDrain(self.longest, server))}{_SAY_SO}"
            case ["undrain", server]:
                return self._undrain(server)
            case ["scale", service, replicas] if replicas.isdigit():
                return f"{self._as_a_fault(ServiceScale(self.longest, service, int(replicas)))}{_SAY_SO}"
            case [word, alert, minutes] if word == SILENCE and minutes.isdigit():
                return self._silence(alert, min(int(minutes), _MOST_SILENT_MINUTES))
        raise GameRefused(f"{action}: how is that meant?")

    def stop(self) -> None:
        """From now on nothing is done any more, also of what is half done; what is undone afterwards stays so.

        Waits for the one call that is under way, up to 5 s.
        """
        self._over = True
        if self._effect.acquire(timeout=_STOPPED_WITHIN_SECONDS):
            self._effect.release()

    def _does(self, effect: Callable[[], T]) -> T:
        """Each call that changes something goes through here. Raises GameRefused when it is too late for it."""
        with self._effect:
            if self._over:
                raise GameRefused("what was broken is being put back")
            self.context.assert_lease_held()
            return effect()

    def _as_a_fault(self, fault: AnyFault) -> str:
        hands = hands_of(fault)
        hands.check(self.system)
        record = self._does(lambda: self.context.register(fault))
        self.context.await_known()
        system = self.system.on_behalf_of(record.number, record.cover, self.context.await_known)
        return self._does(lambda: hands.inject(system))

    def _restart(self, instance: str) -> str:
        control = self.system.control
        if instance not in control.states():
            raise GameRefused(f"there is no {instance}")
        # Whatever becomes of us between its end and its start, its undo starts it.
        self._does(lambda: self.context.register(ProcessKill(self.longest, instance)))
        self.context.await_known()
        try:
            how = self._end(instance)
        finally:
            # Also when it is too late for anything else: its undo does the same, and may have come before it had ended.
            control.start(instance)
        return f"{instance} {how}, and is started"

    def _end(self, instance: str) -> str:
        control = self.system.control
        if not state_of(control, instance).running and not control.paused(instance):
            return "did not run"
        # What is frozen hears nothing: it is ended at once, as whoever restarts it would in the end.
        if control.paused(instance):
            self._does(lambda: control.kill(instance))
            return "did not listen, was ended at once"
        try:
            self._does(lambda: control.stop(instance))
        except FaultFailed:  # its manager has no such command
            self._does(lambda: control.kill(instance))
            return "was ended at once"
        deadline = time.monotonic() + _ENDS_WITHIN_SECONDS
        while not state_of(control, instance).kept_down:
            if time.monotonic() > deadline:
                self._does(lambda: control.kill(instance))
                return "was asked to end, and ended after that"
            time.sleep(_POLL_SECONDS)
        return "was asked to end"

    def _undrain(self, server: str) -> str:
        haproxy = HAProxy(Path(self.system.target.haproxy))
        if haproxy.status(server) is None:
            raise FaultFailed(f"HAProxy has no server {server}")
        servers = haproxy.servers_of(server)
        told = [haproxy.admin_state(one) for one in servers]
        of_this_stack = any(
            isinstance(record.what, HAProxyDrain) and record.what.server == server
            for record in self.context.journal.open()
        )
        # What an operator did before the round nobody would do again after it.
        if any(one & IN_MAINTENANCE or (one & DRAINED and not of_this_stack) for one in told):
            raise GameRefused(f"{server} was put out of use by somebody who does not play, and is left so")
        for one in servers:
            self._does(lambda one=one: haproxy.tell(f"set server {one} state ready"))  # type: ignore[misc]
        return f"HAProxy uses {server} again"

    def _silence(self, alert: str, minutes: int) -> str:
        made = silences_of(self.context)
        if not any(isinstance(one.what, EndSilence) for one in self.context.journal.open() if self.context.owns(one)):
            self._does(lambda: self.context.register(EndSilence(made.who)))
            self.context.await_known()
        self._does(lambda: made.make(alert, timedelta(minutes=minutes)))
        return f"{alert} is silenced for {minutes} min"


def silences_of(context: RunContext) -> Silences:
    """Those that players of this round make; Alertmanager ends each by itself, after an hour at the latest."""
    return Silences(context.system.target.urls.alertmanager, f"game day {context.run_id}")


def _servers(haproxy: HAProxy) -> list[str]:
    """Those that are instances; what else HAProxy has is a second name of one, or a sum."""
    try:
        rows = haproxy.statistics()
    except ChaosError:
        return []
    backends = [f"{row['pxname']}/{row['svname']}" for row in rows if row.get("type") == "2"]
    return [server for server in backends if not server.partition("/")[2].startswith(PANIC)]
