"""Processes of a stack that is not ours, looked at and controlled by shell commands: any process manager will do."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec

from chaos.control.port import ProcessState
from chaos.errors import FaultFailed, SignalUnavailable
from chaos.spec.control import Shell

_STATES = {"running": "RUNNING", "active": "RUNNING", "paused": "PAUSED"}


class ShellControl:
    """ProcessControl by commands; pids are not known and given as 0."""

    def __init__(self, commands: Shell, working_directory: str) -> None:
        self._commands = commands
        self._working_directory = working_directory

    def states(self) -> dict[str, ProcessState]:
        instances = self._commands.instances
        with ThreadPoolExecutor(max(1, len(instances))) as pool:
            return dict(zip(instances, pool.map(self._state, instances), strict=True))

    def kill(self, instance: str) -> int:
        return self._do(instance, "kill")

    def start(self, instance: str) -> None:
        """SignalUnavailable when the command fails."""
        try:
            self._do(instance, "start")
        except FaultFailed as error:
            raise SignalUnavailable(str(error)) from error

    def crash(self, instance: str) -> int:
        return self._do(instance, "crash")

    def stop(self, instance: str) -> None:
        self._do(instance, "stop")

    def pause(self, instance: str) -> None:
        self._do(instance, "pause")

    def resume(self, instance: str) -> None:
        if self._commands.instances[instance].resume:
            self._do(instance, "resume")

    def paused(self, instance: str) -> bool:
        return self._state(instance).state == "PAUSED"

    def _state(self, instance: str) -> ProcessState:
        done = self._run(instance, "state", self._commands.instances[instance].state)
        if word := done.stdout.strip().lower():
            return ProcessState(_STATES.get(word.split()[-1], "STOPPED"), 0)
        if done.returncode == 0:
            return ProcessState("RUNNING", 0)
        # A manager that cannot be reached must not look like a process that is down.
        if done.returncode == 1 and not done.stderr.strip():
            return ProcessState("STOPPED", 0)
        raise SignalUnavailable(f"state of {instance}: {_words(done)}")

    def _do(self, instance: str, what: str) -> int:
        commands: Mapping[str, str] = msgspec.structs.asdict(self._commands.instances[instance])
        if not commands[what]:
            raise FaultFailed(f"the target has no command to {what} {instance}")
        done = self._run(instance, what, commands[what])
        if done.returncode:
            raise FaultFailed(f"{what} {instance}: {_words(done)}")
        return 0

    def _run(self, instance: str, what: str, command: str) -> "subprocess.CompletedProcess[str]":
        # Files, not pipes: what a command leaves running would keep a pipe open, and us waiting.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                process = subprocess.Popen(
                    ("/bin/sh", "-c", command),
                    cwd=self._working_directory,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,  # a Ctrl-C must not end what it is starting
                )
            except OSError as error:
                raise SignalUnavailable(f"{what} {instance}: {error}") from error
            code = self._wait(process, f"{what} {instance}")
            out.seek(0)
            err.seek(0)
            said, complained = out.read().decode(errors="replace"), err.read().decode(errors="replace")
        return subprocess.CompletedProcess(command, code, said, complained)

    def _wait(self, process: "subprocess.Popen[bytes]", what: str) -> int:
        seconds = self._commands.timeout.in_seconds
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own, and is not waited for yet
            process.wait()
            raise SignalUnavailable(f"{what}: no end within {seconds:g} s") from error


def _words(done: "subprocess.CompletedProcess[str]") -> str:
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return f"exit {done.returncode}{': ' + said[-1] if said else ''}"
