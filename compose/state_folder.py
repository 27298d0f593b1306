"""The one folder that a stack writes to: whose it is, what brought up the stack in it, and how it is emptied."""

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compose.settings import RUNTIMES

VERSION = 4
"""Of what is in the folder; raised when a stack that an earlier release left up is to be replaced by `make up`."""
_MARK = "stormdrill-stack"
_FORM = re.compile(r"(?P<runtime>[a-z]+) (?:v(?P<version>\d+) )?(?P<settings>\(.*\))", re.DOTALL)


class StackError(Exception):
    """The stack could not be brought up or down; the message says why and what to do next."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a stack in a folder was brought up with."""

    runtime: str
    settings: str
    """The fingerprint of its settings."""
    version: int = VERSION
    """1 where the mark names none: releases that had only one."""


def mark_of(state: Path) -> Mark | None:
    """What brought up the stack in this folder; None where there is none.

    Raises StackError when the folder is another user's, or when a release that this one does not know made it.
    """
    _assert_mine(state)
    try:
        text = (state / _MARK).read_text(errors="replace")
    except FileNotFoundError:
        return None
    if not text:
        return None  # the machine went down while it was written: nothing was begun yet
    found = _FORM.fullmatch(text)
    version = int(found["version"] or 1) if found else 0
    if found is None or version > VERSION or found["runtime"] not in RUNTIMES:
        raise StackError(
            f"{state} holds a stack of a release that this one does not know ({text[:60]!r}): `make down` with that "
            "release; or, when nothing of it runs any more, remove the folder"
        )
    return Mark(found["runtime"], found["settings"], version)


def write_mark(state: Path, mark: Mark) -> None:
    """Note what the stack in this folder is being brought up with: the first thing that is in the folder."""
    (state / _MARK).write_text(f"{mark.runtime} v{mark.version} {mark.settings}")


@contextlib.contextmanager
def locked(state: Path) -> Iterator[None]:
    """Make the folder where it is missing, and keep `up`, `down` and `restart` of others away. Raises StackError."""
    # The lock is on the folder itself, so that it leaves no file; 0711 lets Postgres's user pass through.
    _assert_mine(state)
    if state.exists() and any(state.iterdir()) and not (state / _MARK).exists():
        raise StackError(f"{state} is not a stack's state folder; set STORMDRILL_STATE to an empty or new one")
    state.mkdir(mode=0o711, parents=True, exist_ok=True)
    state.chmod(0o711)
    descriptor = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _take(descriptor, state)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                state.rmdir()  # works on an empty one: the stack was refused, or is down
    finally:
        os.close(descriptor)


def empty(state: Path) -> None:
    """Remove all that is in the folder, the mark last: what is ended half-way is still known for a stack's."""
    for child in sorted(state.iterdir(), key=lambda child: child.name == _MARK):
        shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()


def _take(descriptor: int, state: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had it may have removed the folder meanwhile.
        free = state.exists() and os.fstat(descriptor).st_ino == state.stat().st_ino
    except BlockingIOError:
        free = False
    if not free:
        raise StackError(f"another `up` or `down` is at work in {state}; wait for it")


def _assert_mine(state: Path) -> None:
    try:
        owner = state.stat().st_uid if state.is_dir() or not state.exists() else None
    except FileNotFoundError:
        return
    except OSError as error:
        raise StackError(f"{state} cannot be looked into ({error.strerror}); set STORMDRILL_STATE") from error
    if owner is None:
        raise StackError(f"{state} is no folder; set STORMDRILL_STATE to an empty or new one")
    if owner != os.getuid():
        raise StackError(f"{state} belongs to another user; set STORMDRILL_STATE")
