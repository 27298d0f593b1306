"""A rolling restart: every shop and inventory instance in turn, each back in HAProxy before the next one goes."""

import time
from collections.abc import Callable

from compose import health, native
from compose.settings import StackSettings
from compose.supervisor import Supervisor
from compose.topology import Program, Topology

ROLES = ("inventory", "shop")  # what is asked before who asks
# The process manager kills what has not drained after 6 s; a start takes 2 s, HAProxy's checks 1.5 s.
STOPPED_WITHIN_SECONDS = 10.0
BACK_WITHIN_SECONDS = 30.0
_POLL_SECONDS = 0.05


def restart(settings: StackSettings, progress: native.Progress) -> int:
    """Restart all instances one after the other and return how many there were.

    Raises StackError when the stack is not up and well, when `up` or `down` is at work, and when an instance does not
    end within STOPPED_WITHIN_SECONDS or is not back within BACK_WITHIN_SECONDS; the rest is then left as it is.
    """
    with native.whole_stack(settings) as topology:
        supervisor = Supervisor(settings.state / "supervisor.sock")
        instances = [program for role in ROLES for program in topology.of_role(role)]
        for instance in instances:
            progress(_restart(instance, topology, supervisor))
    return len(instances)


def _restart(instance: Program, topology: Topology, supervisor: Supervisor) -> str:
    began = time.monotonic()
    supervisor.stop(instance.name)
    try:
        _await_end(instance, supervisor)
    except KeyboardInterrupt:
        # No instance stays down because somebody lost patience.
        _await_end(instance, supervisor)
        raise
    finally:
        stopped = time.monotonic()
        supervisor.start(instance.name)
    # First the instance's own word: HAProxy's may be from before the stop.
    _wait(lambda: not health.ready(instance).failure(), BACK_WITHIN_SECONDS, f"{instance.name} to be ready")
    _wait(
        lambda: not health.balanced(instance, topology).failure(),
        BACK_WITHIN_SECONDS,
        f"HAProxy to use {instance.name}",
    )
    drained, away = stopped - began, time.monotonic() - stopped
    return f"{instance.name}: ended {drained:.1f} s after it was asked, serves again {away:.1f} s later"


def _await_end(instance: Program, supervisor: Supervisor) -> None:
    _wait(lambda: not _pid(supervisor, instance), STOPPED_WITHIN_SECONDS, f"{instance.name} to end")


def _pid(supervisor: Supervisor, instance: Program) -> int:
    return next(row.pid for row in supervisor.processes() if row.name == instance.name)


def _wait(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise native.StackError(f"waited {seconds:.0f} s for {what}; see `make status` and `make logs`")
        time.sleep(_POLL_SECONDS)
