"""Processes of a stack that is not ours, looked at and controlled by shell commands: any process manager will do."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from chaos.control import command
from chaos.control.batches import ask_all
from chaos.control.command import Done
from chaos.control.port import ProcessState
from chaos.errors import FaultFailed, SignalUnavailable
from chaos.machine import process_identity
from chaos.spec.control import FileSays, Shell

_STATES = {"running": "RUNNING", "active": "RUNNING", "paused": "PAUSED"}


class ShellControl:
    """ProcessControl by commands; pids are not known and given as 0."""

    def __init__(self, commands: Shell, working_directory: str) -> None:
        self._commands = commands
        self._working_directory = working_directory

    def states(self) -> dict[str, ProcessState]:
        """A few are asked at a time; one that cannot say is UNKNOWN."""
        each = {name: (name,) for name in self._commands.instances}
        return ask_all(each, lambda name: {name: self.state(name)}, self._commands.at_once)

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
        return self.state(instance).state == "PAUSED"

    def identity(self, instance: str) -> str:
        """What its command prints or its file holds; of a pid of this machine that with the moment of its start."""
        if isinstance(told := self._commands.instances[instance].identity, FileSays):
            return self._from_file(instance, told.file)
        if not told:
            raise FaultFailed(f"the target has no `identity` for {instance}, which tells one process from the next")
        done = self._run(instance, "identity", told)
        if done.code or not done.said.strip():
            raise SignalUnavailable(f"identity of {instance}: {done.words}")
        return done.said.strip()

    def state(self, instance: str) -> ProcessState:
        """SignalUnavailable when its command does not say."""
        if instance not in self._commands.instances:
            raise FaultFailed(f"the target has no commands for {instance}")
        done = self._run(instance, "state", self._commands.instances[instance].state)
        if word := done.said.strip().lower():
            return ProcessState(_STATES.get(word.split()[-1], "STOPPED"), 0)
        if done.code == 0:
            return ProcessState("RUNNING", 0)
        # A manager that cannot be reached must not look like a process that is down.
        if done.code == 1 and not done.complained.strip():
            return ProcessState("STOPPED", 0)
        raise SignalUnavailable(f"state of {instance}: {done.words}")

    def _from_file(self, instance: str, place: str) -> str:
        try:
            text = (Path(self._working_directory) / place).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SignalUnavailable(f"identity of {instance}: {error}") from error
        if not text:
            raise SignalUnavailable(f"identity of {instance}: {place} is empty")
        try:
            # Pids are used again, and in a container each process may have the same one.
            return f"{text} started at {process_identity.of_pid(int(text)).started}"
        except (ValueError, OSError):
            return text

    def _do(self, instance: str, what: str) -> int:
        commands: Mapping[str, str] = msgspec.structs.asdict(self._commands.instances[instance])
        if not commands[what]:
            raise FaultFailed(f"the target has no command to {what} {instance}")
        done = self._run(instance, what, commands[what])
        if done.code:
            raise FaultFailed(f"{what} {instance}: {done.words}")
        return 0

    def _run(self, instance: str, what: str, words: str) -> Done:
        seconds = self._commands.timeout.in_seconds
        return command.run(("/bin/sh", "-c", words), seconds, f"{what} of {instance}", self._working_directory)
