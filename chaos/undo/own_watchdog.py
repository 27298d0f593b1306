"""The watchdog of one run, for a stack that has none of its own: it undoes the run also when its runner is killed."""

import contextlib
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from chaos.errors import StackUnreachable
from chaos.machine import process_identity
from chaos.spec.target import Target
from chaos.undo import watched
from chaos.undo.journal import UndoJournal

LOG_FILE = "watchdog.log"
CI_MARKS = ("RUNNER_TRACKING_ID", "BUILD_ID", "JENKINS_NODE_COOKIE")
"""By these in their environment CI systems find what a cancelled job has left, and end it: GitHub's runner, Jenkins."""
_PATIENCE = timedelta(seconds=5)
_WATCHES_WITHIN_SECONDS = 20.0
_POLL_SECONDS = 0.05


@contextlib.contextmanager
def own_watchdog(target: Target, file: Path | None) -> Iterator[None]:
    """Have a watchdog beside the block, if the target, read from `file`, names none.

    It is in a session of its own and outlives us: when we are killed it waits for the lease to run out, undoes what
    is open, and ends. Here it is ended once the block is through and nothing is left. Raises StackUnreachable when it
    does not begin to watch within 20 s.
    """
    if target.urls.watchdog or file is None:
        yield
        return
    arguments = ["--target", str(file.resolve()), "--for-one-run"]
    watchdog = process_identity.spawn(
        "chaos.undo.watchdog", arguments, target.state_folder / LOG_FILE, without=CI_MARKS
    )
    _await(watchdog, target.state_folder)
    yield  # whatever it raises: the watchdog undoes what is left, and then ends by itself
    if not UndoJournal(target.state_folder).open():
        process_identity.stop(watchdog, _PATIENCE)


def _await(watchdog: process_identity.Child, state: Path) -> None:
    deadline = time.monotonic() + _WATCHES_WITHIN_SECONDS
    while watched.watches(state) != watchdog:
        if not process_identity.is_alive(watchdog) or time.monotonic() > deadline:
            process_identity.stop(watchdog, _PATIENCE)
            raise StackUnreachable(f"no watchdog watches, so nothing may be broken; see {state / LOG_FILE}")
        time.sleep(_POLL_SECONDS)
