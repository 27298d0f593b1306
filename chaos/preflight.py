"""What must be so before a run may begin: the stack is well, no alert lingers, the past is clean."""

import os
import subprocess
from collections.abc import Callable

import httpx

from chaos.clock import Clock
from chaos.errors import BaselineNotMet, SignalUnavailable, StackUnreachable
from chaos.experiment import Experiment
from chaos.facts import PrometheusSeen
from chaos.faults import System
from chaos.observe.prometheus import Prometheus

WELL_WITHIN_SECONDS = 20.0
CALM_WITHIN_SECONDS = 20.0
_LOOK_EVERY_SECONDS = 0.3
_TIMEOUT_SECONDS = 2.0

Waits = Callable[[str], None]


def stack_is_well(system: System, clock: Clock, waits: Waits) -> None:
    """Wait until every instance runs and is ready. Raises StackUnreachable after WELL_WITHIN_SECONDS."""
    deadline = clock.monotonic() + WELL_WITHIN_SECONDS
    while unwell := _unwell(system):
        waits(f"for {unwell}")
        if clock.monotonic() > deadline:
            raise StackUnreachable(f"{unwell}; see `make status`, or `make down` and `make up`")
        clock.wait(_LOOK_EVERY_SECONDS)


def alerts_are_calm(
    experiment: Experiment, prometheus: Prometheus, clock: Clock, waits: Waits, rules: frozenset[str] = frozenset()
) -> PrometheusSeen:
    """Wait until all of `rules` were evaluated, nothing is pending and no listed alert fires.

    What else fires is in the answer.

    Raises BaselineNotMet after CALM_WITHIN_SECONDS naming a listed alert, StackUnreachable when Prometheus is silent.
    """
    deadline = clock.monotonic() + CALM_WITHIN_SECONDS
    listed = {window.name for window in experiment.alerts}
    while True:
        look = prometheus.look(0.0)
        noisy = [alert.name for alert in look.alerts if alert.state == "pending" or alert.name in listed]
        evaluated = bool(look.rules) and rules <= set(look.rules)
        if look.error is None and evaluated and not noisy:
            return look
        waits(f"for {look.error or ', '.join(sorted(set(noisy))) or 'every rule'} to be well")
        if clock.monotonic() > deadline:
            _give_up(look, listed)
            return look
        clock.wait(_LOOK_EVERY_SECONDS)


def clean_history(system: System) -> None:
    """Run the target's command that gives Prometheus a past without outages. Raises StackUnreachable."""
    command = system.target.clean_history
    if not command:
        return
    try:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=40,
            cwd=system.target.working_directory,
            env=dict(os.environ),
            start_new_session=True,  # a Ctrl-C must not leave Prometheus without a store
        )
    except subprocess.CalledProcessError as error:
        raise StackUnreachable(f"clean_history failed: {(error.stderr or error.stdout).strip()[-300:]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackUnreachable(f"clean_history failed: {error}") from error


def _give_up(look: PrometheusSeen, listed: set[str]) -> None:
    if look.error:
        raise StackUnreachable(look.error)
    firing = sorted({alert.name for alert in look.alerts if alert.name in listed})
    if firing:
        raise BaselineNotMet(f"already firing or pending before the fault: {', '.join(firing)}")


def _unwell(system: System) -> str:
    try:
        states = system.control.states()
    except SignalUnavailable as error:
        return f"the process manager: {error}"
    for name, instance in system.target.instances.items():
        if name not in states or not states[name].running:
            return f"{name}: {states[name].state if name in states else 'unknown to the process manager'}"
        if instance.ready and (why := _not_ready(instance.ready)):
            return f"{name}: {why}"
    return ""


def _not_ready(url: str) -> str:
    try:
        status = httpx.get(url, timeout=_TIMEOUT_SECONDS, trust_env=False).status_code
    except httpx.HTTPError as error:
        return f"{url}: {type(error).__name__}"
    return "" if status == 200 else f"{url} answers {status}"
