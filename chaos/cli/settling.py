"""Waits after a run until nobody is at work on the stack any more, and it is well again."""

import time
from collections.abc import Callable

from chaos.machine.clock import SystemClock
from chaos.machine.interrupts import Interrupts
from chaos.spec.pace import Pace
from chaos.spec.target import Target
from chaos.undo.lease import LeaseFile

_POLL_SECONDS = 0.2
_SETTLED_WITHIN_SECONDS = 20.0
"""How long after a run a stack may take to be well again: the watchdog of one that died included."""


def settle(target: Target, interrupts: Interrupts, look: Callable[[bool], str] | None = None) -> Callable[[bool], str]:
    """Waits until no runner is at work and `look` finds nothing unwell; what stays unwell, in words.

    `look` is told whether the run came to its end. Without it only the runner is waited for, and nothing is unwell.
    """
    lease = LeaseFile(target.state_folder, SystemClock())

    def unwell(completed: bool) -> str:
        if live := lease.live():
            return f"run {live.run_id} is in progress"
        return look(completed) if look else ""

    def wait(completed: bool) -> str:
        # Prometheus may have to look once more.
        beat = Pace.of_ours(target.pace).beat if target.pace else 0.0
        deadline = time.monotonic() + _SETTLED_WITHIN_SECONDS + beat
        while (found := unwell(completed)) and time.monotonic() < deadline and not interrupts.arrived:
            time.sleep(_POLL_SECONDS)
        return found if look else ""

    return wait
