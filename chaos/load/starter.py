"""Starts the load, a process in a session of its own, and waits for its first request."""

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from chaos.facts.files import LEDGER_FILE, LOAD_FILE, SESSIONS_FILE
from chaos.facts.live import LoadTail
from chaos.machine import extras
from chaos.machine.process_identity import Child as LoadProcess
from chaos.machine.process_identity import Stopped, is_alive, spawn, spawn_command, stop
from chaos.spec import loads
from chaos.spec.load import LoadSettings
from chaos.spec.loads import TOLD, CommandLoad, PathsLoad, ShopLoad
from chaos.spec.target import Target

__all__ = ["LoadNotStarted", "LoadProcess", "Stopped", "await_first_request", "is_alive", "of_target", "start", "stop"]

LOG_FILE = "load.log"
POLL_SECONDS = 0.02


class LoadNotStarted(Exception):
    """The load process sent no request in time, or ended before it did."""

    def __init__(self, process: LoadProcess, reason: str, log: str) -> None:
        super().__init__(f"load process {process.pid} {reason}: {log or 'its log is empty'}")
        self.process = process
        self.log = log


def of_target(run_dir: Path, target: Target, settings: LoadSettings, origin: float) -> LoadProcess:
    """Start what the target says that its users do; otherwise as `start`."""
    load, url = target.load, target.urls.users
    if isinstance(load, CommandLoad):
        return start_command(run_dir, url, settings, origin, load.command, Path(target.working_directory))
    return start(run_dir, url, settings, origin, load)


def start(
    run_dir: Path, base_url: str, settings: LoadSettings, origin: float, load: ShopLoad | PathsLoad
) -> LoadProcess:
    """Start the load and return at once; its first request leaves about a second later.

    `origin` is the run's zero on the monotonic clock, which all processes of a machine share. FileExistsError if the
    run already has a load: its facts are never mixed with another's. NotInstalled where Locust is needed and missing.
    """
    if isinstance(load, ShopLoad):
        extras.assert_installed("stack", "the load of the shop's customers", "locust")
    _assert_first(run_dir)
    arguments = [str(run_dir.resolve()), base_url, repr(origin)]
    arguments += [f"--{name.replace('_', '-')}={value!r}" for name, value in settings.as_fact().items()]
    module = "chaos.load.paths" if isinstance(load, PathsLoad) else "chaos.load"
    # Everybody can read with which arguments a process was started.
    return spawn(module, arguments, run_dir / LOG_FILE, told={TOLD: loads.to_json(load)})


def start_command(
    run_dir: Path, base_url: str, settings: LoadSettings, origin: float, command: Sequence[str], place: Path
) -> LoadProcess:
    """Start a load program of the stack's own in the folder `place`; it is told by variables what to do.

    FileExistsError as `start`.
    """
    _assert_first(run_dir)
    told = {
        "STORMDRILL_LOAD_FILE": str((run_dir / LOAD_FILE).resolve()),
        "STORMDRILL_URL": base_url,
        "STORMDRILL_ORIGIN": repr(origin),
        "STORMDRILL_RATE": repr(settings.rate_per_second),
        "STORMDRILL_TIMEOUT_SECONDS": repr(settings.timeout.total_seconds()),
        "STORMDRILL_MAX_SECONDS": repr(settings.max_duration.total_seconds()),
    }
    in_place = ("/bin/sh", "-c", 'cd "$0" && exec "$@"', str(place), *command)
    return spawn_command(in_place, run_dir / LOG_FILE, told)


def _assert_first(run_dir: Path) -> None:
    for name in (LOAD_FILE, LEDGER_FILE, SESSIONS_FILE):
        if (run_dir / name).exists():
            raise FileExistsError(f"{run_dir / name}: this run already has a load")


def await_first_request(process: LoadProcess, run_dir: Path, deadline: timedelta) -> float:
    """Wait until a request has ended, well or badly; return its start in seconds since the run's origin.

    LoadNotStarted, with the end of the load's log, once `deadline` has passed or the process has ended without one.
    """
    ends = time.monotonic() + deadline.total_seconds()
    written = LoadTail(run_dir / LOAD_FILE)
    while True:
        alive = is_alive(process)
        requests = written.read().requests
        if requests:
            return min(request.at for request in requests)
        if not alive or time.monotonic() > ends:
            reason = "sent no request in time" if alive else "ended before its first request"
            raise LoadNotStarted(process, reason, (run_dir / LOG_FILE).read_text()[-2000:])
        time.sleep(POLL_SECONDS)
