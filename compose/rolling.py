"""A rolling restart: every shop and inventory instance in turn, each back in HAProxy before the next one goes."""

import time
from collections.abc import Callable, Sequence

from compose import health, runtime
from compose.interrupts import NEVER, Interrupts
from compose.manager import Manager, started, state_of
from compose.settings import StackSettings
from compose.stack import Progress, StackError
from compose.topology import Program, Topology

ROLES = ("inventory", "shop")  # what is asked before who asks
# The process manager kills what has not drained after 6 s; a start takes 2 s, HAProxy's checks 1.5 s.
STOPPED_WITHIN_SECONDS = 10.0
BACK_WITHIN_SECONDS = 30.0
_POLL_SECONDS = 0.05


def restart(settings: StackSettings, progress: Progress, interrupts: Interrupts = NEVER) -> int:
    """Restart all instances one after the other and return how many there were.

    A signal ends it when the instance in hand serves again. Raises StackError when the stack is not up and well, when
    `up` or `down` is at work, and when an instance does not end within STOPPED_WITHIN_SECONDS or is not back within
    BACK_WITHIN_SECONDS; the rest is then left as it is.
    """
    with runtime.whole_stack(settings) as (topology, manager):
        if topology.replicated:
            raise StackError("a Swarm restarts its replicas by itself: docker service update --force <stack>_shop")
        instances = [program for role in ROLES for program in topology.of_role(role)]
        try:
            one_after_the_other(instances, topology, manager, progress, interrupts)
        except OSError as error:
            raise StackError(f"{error}; see `make status`") from error
    return len(instances)


def one_after_the_other(
    instances: Sequence[Program], topology: Topology, manager: Manager, progress: Progress, interrupts: Interrupts
) -> None:
    """Restart these instances; see `restart`."""
    for number, instance in enumerate(instances):
        if interrupts.arrived:
            progress(f"{number} of {len(instances)} instances restarted, the others not touched")
            interrupts.check()
        progress(_restart(instance, topology, manager))


def _restart(instance: Program, topology: Topology, manager: Manager) -> str:
    began = time.monotonic()
    try:
        manager.stop(instance.name)
        _wait(lambda: not state_of(manager, instance.name).pid, STOPPED_WITHIN_SECONDS, f"{instance.name} to end")
    finally:
        # No instance stays down because it took too long to end, or because the manager did not answer in time.
        stopped = time.monotonic()
        _wait(lambda: started(manager, instance.name), BACK_WITHIN_SECONDS, f"{instance.name} to be started again")
    # First the instance's own word: HAProxy's may be from before the stop.
    _wait(lambda: not health.ready(instance).failure(), BACK_WITHIN_SECONDS, f"{instance.name} to be ready")
    _wait(
        lambda: not health.balanced(instance, topology).failure(),
        BACK_WITHIN_SECONDS,
        f"HAProxy to use {instance.name}",
    )
    drained, away = stopped - began, time.monotonic() - stopped
    return f"{instance.name}: ended {drained:.1f} s after it was asked, serves again {away:.1f} s later"


def _wait(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise StackError(f"waited {seconds:.0f} s for {what}; see `make status` and `make logs`")
        time.sleep(_POLL_SECONDS)
