"""Services of systemd, on this machine and on others that ssh reaches."""

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence

from chaos.control import command, unit_state
from chaos.control.batches import ask_all
from chaos.control.command import Done
from chaos.control.port import ProcessState
from chaos.control.ssh import Ssh
from chaos.control.unit_state import UnitState
from chaos.errors import FaultFailed, SignalUnavailable
from chaos.spec.control import Systemd

_GONE_WITHIN_SECONDS = 5.0
_POLL_SECONDS = 0.1
_ASKS = ("show", f"--property={','.join(unit_state.PROPERTIES)}")
_KILLS = ("kill", "--signal=SIGKILL")
_STOPS = ("stop", "--no-block")


class SystemdControl:
    """ProcessControl by systemd; an instance is a service. Of another machine's no pid is told."""

    def __init__(self, settings: Systemd) -> None:
        self._settings = settings
        self._seconds = settings.timeout.in_seconds
        self._ssh = Ssh(settings.ssh_config, self._seconds)
        self._systemctl = (*(("sudo", "-n") if settings.sudo else ()), "systemctl", "--no-ask-password", "--no-pager")

    def states(self) -> dict[str, ProcessState]:
        """One question to each machine, a few at a time; of one that does not answer all instances are UNKNOWN."""
        by_host: dict[str, list[str]] = {}
        for name, one in self._settings.instances.items():
            by_host.setdefault(one.host, []).append(name)

        def ask(host: str) -> Mapping[str, ProcessState]:
            units = self._look(by_host[host], host)
            return {name: unit.as_process(not host) for name, unit in units.items()}

        return ask_all(by_host, ask, self._settings.at_once)

    def state(self, instance: str) -> ProcessState:
        return self._unit(instance).as_process(here=not self._settings.instances[instance].host)

    def identity(self, instance: str) -> str:
        return self._unit(instance).identity

    def kill(self, instance: str) -> int:
        """Waits until systemd calls it ended, FaultFailed after 5 s."""
        pid = self._running(instance, "killed").main_pid
        # SIGKILL first, as a stop begins with SIGTERM, on which a server drains politely. systemd starts nothing again
        # that it was told to stop.
        self._do(instance, "kill", _KILLS, _STOPS)

        def down(unit: UnitState) -> bool:
            if unit.main_pid:
                # What Restart= began between the two would drain for as long as it likes. It may end by itself.
                with contextlib.suppress(FaultFailed):
                    self._do(instance, "kill", _KILLS)
            return unit.as_process(here=False).kept_down

        self._await(instance, down)
        return pid

    def start(self, instance: str) -> None:
        """Also where systemd would not, as it was started too often lately."""
        try:
            unit = self._unit(instance)
            if unit.as_process(here=False).state == "PAUSED":
                self._do(instance, "thaw", ("thaw",))
            forgets = (("reset-failed",),) if unit.failed else ()
            self._do(instance, "start", *forgets, ("start", "--no-block"))
        except FaultFailed as error:
            raise SignalUnavailable(str(error)) from error

    def crash(self, instance: str) -> int:
        """Waits until its process is gone, FaultFailed after 5 s; systemd does as its Restart= says."""
        before = self._running(instance, "killed")
        self._do(instance, "crash", _KILLS)

        def gone(unit: UnitState) -> bool:
            return unit.identity != before.identity or unit.as_process(here=False).kept_down

        self._await(instance, gone)
        return before.main_pid

    def stop(self, instance: str) -> None:
        """systemd kills it after its TimeoutStopSec=."""
        self._do(instance, "stop", _STOPS)

    def pause(self, instance: str) -> None:
        """By the kernel's freezer, of which its processes see nothing."""
        self._running(instance, "frozen")
        self._do(instance, "freeze", ("freeze",))

    def resume(self, instance: str) -> None:
        if self.paused(instance):
            self._do(instance, "thaw", ("thaw",))

    def paused(self, instance: str) -> bool:
        return self.state(instance).state == "PAUSED"

    def _running(self, instance: str, what: str) -> UnitState:
        unit = self._unit(instance)
        state = unit.as_process(here=False)
        if state.state in ("STOPPED", "UNKNOWN"):
            raise FaultFailed(f"{instance} does not run, so it cannot be {what}: {state}")
        return unit

    def _await(self, instance: str, is_so: Callable[[UnitState], bool]) -> None:
        deadline = time.monotonic() + _GONE_WITHIN_SECONDS
        while not is_so(unit := self._unit(instance)):
            if time.monotonic() > deadline:
                raise FaultFailed(f"{instance} (pid {unit.main_pid}) outlives SIGKILL by {_GONE_WITHIN_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)

    def _unit(self, instance: str) -> UnitState:
        if instance not in self._settings.instances:
            raise FaultFailed(f"the target has no unit for {instance}")
        return self._look([instance], self._settings.instances[instance].host)[instance]

    def _look(self, names: Sequence[str], host: str) -> dict[str, UnitState]:
        units = [self._settings.instances[name].unit for name in names]
        what = f"state of {names[0]}" if len(names) == 1 else f"states at {host or 'this machine'}"
        done = self._run(host, [self._asked(_ASKS, *units)], what)
        if done.code:
            raise SignalUnavailable(f"{what}: {done.words}")
        return dict(zip(names, unit_state.read(done.said, units), strict=True))

    def _do(self, instance: str, what: str, *verbs: Sequence[str]) -> None:
        one = self._settings.instances[instance]
        done = self._run(one.host, [self._asked(verb, one.unit) for verb in verbs], f"{what} {instance}")
        if done.code:
            raise FaultFailed(f"{what} {instance}: {done.words}")

    def _asked(self, verb: Sequence[str], *units: str) -> list[str]:
        return [*self._systemctl, *verb, "--", *units]

    def _run(self, host: str, commands: Sequence[Sequence[str]], what: str) -> Done:
        if host:
            return self._ssh.run(host, commands, what)
        done = Done(0, "", "")
        for one in commands:
            if not done.code:
                done = command.run(one, self._seconds, what, environment={**os.environ, "LC_ALL": "C"})
        return done
