"""Starts a console's process, waits until it answers, and ends it."""

import contextlib
import http.client
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from chaos.console import settings as files
from chaos.console.settings import ConsoleSettings
from chaos.errors import GameRefused
from chaos.machine import extras, process_identity
from chaos.machine.process_identity import Child
from chaos.report import plain
from chaos.undo.own_watchdog import CI_MARKS

FOLDER = ".console"
"""Within the folder of runs: settings and logs of consoles; nobody else may read it."""
_ANSWERS_WITHIN_SECONDS = 15.0
_POLL_SECONDS = 0.05
_PATIENCE = timedelta(seconds=3)
_ANY_PORT = 9
_FAR_4, _FAR_6 = (socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")
_FAR = {"0.0.0.0": (_FAR_4,), "::": (_FAR_6, _FAR_4)}  # noqa: S104  # compared, not bound
"""Addresses that are nobody's (RFC 5737, RFC 3849), by where one listens: the way to them is the way out."""


@dataclass(frozen=True, slots=True)
class Console:
    """One that runs."""

    settings: ConsoleSettings
    file: Path
    child: Child

    @property
    def lines(self) -> list[str]:
        """Where it is, for people."""
        found = self.settings.urls(outgoing(self.settings.address))
        alone = self.settings.alone
        return [plain.line(f"console: {url}" if alone else f"console, {role}: {url}") for role, url in found]

    def end(self, forget: bool = False) -> None:
        """End it, within 3 s; `forget`: whoever begins it again has other addresses."""
        process_identity.stop(self.child, _PATIENCE)
        if forget:
            self.file.unlink(missing_ok=True)


def start(made: ConsoleSettings, file: Path) -> Console:
    """Start the console of these settings, which are kept in this file. Raises GameRefused when it does not answer.

    Waits up to 15 s. Raises NotInstalled where what it is served by is missing.
    """
    extras.assert_installed("gameday", "the console", "fastapi", "gunicorn")
    if _answers(made):
        raise GameRefused(f"port {made.port} is taken; perhaps there is a console already")
    try:
        files.write(file, made)
        address = f"[{made.address}]" if ":" in made.address else made.address
        arguments = ["--config", "python:chaos.console.gunicorn_conf", "--bind", f"{address}:{made.port}",
                     f"chaos.console.main:create_app({str(file)!r})"]  # fmt: skip
        log = file.with_suffix(".log")
        child = process_identity.spawn("gunicorn", arguments, log, without=CI_MARKS)
    except OSError as error:
        raise GameRefused(f"the console cannot be started: {error}") from error
    deadline = time.monotonic() + _ANSWERS_WITHIN_SECONDS
    while not _answers(made):
        if not process_identity.is_alive(child) or time.monotonic() > deadline:
            process_identity.stop(child, _PATIENCE)
            raise GameRefused(f"the console does not answer; see {log}")
        time.sleep(_POLL_SECONDS)
    return Console(made, file, child)


def free_port(address: str) -> int:
    """A port that nobody listens on there now. Raises GameRefused where nobody can listen at this address."""
    try:
        with socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        raise GameRefused(f"{address}: {error}") from error


def outgoing(address: str, probe: Callable[..., socket.socket] = socket.socket) -> str:
    """Where others reach this machine when it listens there: on all addresses, the one that it goes out with.

    Its name where it has no way out, as others may know that one.
    """
    for family, far in _FAR.get(address, ()):
        with contextlib.suppress(OSError), probe(family, socket.SOCK_DGRAM) as asked:
            asked.connect((far, _ANY_PORT))  # of a datagram, for which nothing is sent: it only finds the way
            return str(asked.getsockname()[0])
    return socket.gethostname() if address in files.EVERYWHERE else address


def _answers(made: ConsoleSettings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(made.address, made.address)  # noqa: S104  # asked, not bound
    asked = http.client.HTTPConnection(host, made.port, timeout=2)
    try:
        asked.request("GET", "/")
        with asked.getresponse() as answer:
            answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()
    return True
