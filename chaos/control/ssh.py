"""Commands on other machines, by the system's ssh: asked nothing, known hosts alone, one connection to each."""

import contextlib
import math
import shlex
import shutil
import tempfile
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path

from chaos.control import command
from chaos.control.command import Done
from chaos.errors import SignalUnavailable

_FAILED = 255
"""What ssh ends with where there is no connection, or none any more."""
_KEPT_SECONDS = 30
_SILENT_SECONDS = 5
_ENDS_WITHIN_SECONDS = 1.0
# Each is what it is whatever a configuration says: ssh takes the first that it is told.
_OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RequestTTY=no",
    "LogLevel=ERROR",
    "ControlMaster=auto",
    f"ControlPersist={_KEPT_SECONDS}",
    # A machine that is gone takes its connection along, and is asked by a new one.
    f"ServerAliveInterval={_SILENT_SECONDS}",
    "ServerAliveCountMax=2",
)


class Ssh:
    """Runs commands on other machines.

    The sockets of its connections lie in a folder that nobody else may enter. They are closed at this process's end;
    where it is killed they end by themselves, 30 s after the last command.
    """

    def __init__(self, config: str, seconds: float) -> None:
        self._config = config
        self._seconds = seconds
        self._folder: Path | None = None
        self._hosts: dict[str, int] = {}
        self._making = threading.Lock()

    def run(self, host: str, commands: Sequence[Sequence[str]], what: str) -> Done:
        """Run them there one after another, until one fails; all of them in the time-out.

        Raises SignalUnavailable, which begins with `what`, when there is no connection or it takes longer: then nobody
        knows whether it was done.
        """
        # The other side hands what it is sent to a shell, however it was put together here.
        words = " && ".join(shlex.join(one) for one in commands)
        done = command.run([*self._ssh(host), "--", host, words], self._seconds, what)
        if done.code == _FAILED:
            raise SignalUnavailable(f"{what}: ssh to {host}: {done.words}")
        return done

    def _ssh(self, host: str) -> list[str]:
        options = (
            *_OPTIONS,
            f"ControlPath={self._socket(host) or 'none'}",
            f"ConnectTimeout={max(1, math.floor(self._seconds))}",
        )
        config = ("-F", self._config) if self._config else ()
        return ["ssh", *config, *(part for option in options for part in ("-o", option))]

    def _socket(self, host: str) -> Path | None:
        """None where nothing can be written: an undo then has a connection for each command."""
        with self._making:
            if self._folder is None:
                try:
                    # Short, as a socket's path may have about a hundred characters.
                    self._folder = Path(tempfile.mkdtemp(prefix="stormdrill-ssh-"))
                except OSError:
                    return None
                weakref.finalize(self, _close, self._folder)
            return self._folder / str(self._hosts.setdefault(host, len(self._hosts)))


def _close(folder: Path) -> None:
    for socket in folder.iterdir():
        with contextlib.suppress(SignalUnavailable):  # it ends by itself
            asked = ("ssh", "-F", "none", "-S", str(socket), "-O", "exit", "--", "none")
            command.run(asked, _ENDS_WITHIN_SECONDS, "close")
    shutil.rmtree(folder, ignore_errors=True)
