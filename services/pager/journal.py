"""An append-only file of lines that are on disk before they count; the one before it is kept beside it."""

import fcntl
import os
import time
from pathlib import Path
from typing import Self

import structlog
from pydantic import ValidationError

from services.pager.delivery import Delivery

_log = structlog.get_logger(__name__)
_LOCK_SECONDS = 5.0
_LOCK_POLL_SECONDS = 0.05
_MOST_BYTES = 16_000_000
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class Journal:
    """The file. Not safe for threads: one caller at a time."""

    def __init__(self, path: Path, descriptor: int, most_bytes: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._most_bytes = most_bytes
        # Everything before this offset is whole lines on disk; anything after it is not.
        self._good_bytes = 0

    @classmethod
    def open(cls, path: Path, most_bytes: int = _MOST_BYTES) -> tuple[Self, list[Delivery]]:
        """Open the file, or make it, and return what it and its predecessor hold; cut off a half-written last line.

        A file that would become longer than `most_bytes` is begun anew. Raises OSError if that fails, TimeoutError if
        another process keeps the file for five seconds: two writers would tear each other's lines.
        """
        descriptor = _open_locked(path)
        try:
            journal = cls(path, descriptor, most_bytes)
            return journal, journal._recover()
        except BaseException:
            os.close(descriptor)
            raise

    def append(self, delivery: Delivery) -> None:
        """Write one line and wait until it is on disk.

        Raises OSError if it is not; the file is then as it was before, at the latest when the next
        line is appended.
        """
        self._cut_off_remains()
        line = delivery.model_dump_json().encode() + b"\n"
        if self._good_bytes and self._good_bytes + len(line) > self._most_bytes:
            self._begin_anew()
        try:
            _write_all(self._descriptor, line)
            os.fdatasync(self._descriptor)
        except OSError:
            self._try_to_cut_off_remains()
            raise
        self._good_bytes += len(line)

    def close(self) -> None:
        """Close the file, which also lets the next process have it."""
        os.close(self._descriptor)

    def _recover(self) -> list[Delivery]:
        content = self._path.read_bytes()
        self._good_bytes = content.rfind(b"\n") + 1
        if self._good_bytes < len(content):
            _log.warning("journal_cut", path=self._path, bytes=len(content) - self._good_bytes)
        self._cut_off_remains()
        # A file that is new must still be there after a crash, and that the folder knows.
        _sync_folder(self._path.parent)
        lines = [*self._lines_before(), *content[: self._good_bytes].splitlines()]
        return [delivery for line in lines if (delivery := _parse(line)) is not None]

    def _lines_before(self) -> list[bytes]:
        before = previous(self._path)
        # It is the same file where the process died between the two steps by which a file is begun anew.
        if not before.exists() or before.samefile(self._path):
            return []
        return before.read_bytes().splitlines()

    def _begin_anew(self) -> None:
        # There is a file of our name, locked by us, at every moment: the new one comes in the old one's place in one
        # step, after the old one has its second name.
        beside = self._path.with_name(f"{self._path.name}.new")
        beside.unlink(missing_ok=True)
        descriptor = os.open(beside, _FLAGS | os.O_EXCL, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            previous(self._path).unlink(missing_ok=True)
            os.link(self._path, previous(self._path))
            beside.replace(self._path)
        except OSError:
            os.close(descriptor)
            raise
        os.close(self._descriptor)
        self._descriptor, self._good_bytes = descriptor, 0
        _sync_folder(self._path.parent)

    def _cut_off_remains(self) -> None:
        if os.fstat(self._descriptor).st_size != self._good_bytes:
            os.ftruncate(self._descriptor, self._good_bytes)
            os.fsync(self._descriptor)

    def _try_to_cut_off_remains(self) -> None:
        try:
            self._cut_off_remains()
        except OSError as error:
            _log.warning("journal_remains", path=self._path, error=repr(error))


def previous(path: Path) -> Path:
    """Where the lines from before a journal was begun anew are."""
    return path.with_name(f"{path.name}.1")


def _parse(line: bytes) -> Delivery | None:
    try:
        return Delivery.model_validate_json(line)
    except ValidationError:
        # A machine that lost power may have kept the length of a line and not its bytes.
        _log.warning("journal_line_skipped", bytes=len(line))
        return None


def _open_locked(path: Path) -> int:
    # A predecessor that is on its way out may still hold it.
    give_up_at = time.monotonic() + _LOCK_SECONDS
    while True:
        descriptor = os.open(path, _FLAGS, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # It may have begun the file anew between our opening and our lock.
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except BlockingIOError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"{path} is kept by another process")
        time.sleep(_LOCK_POLL_SECONDS)


def _write_all(descriptor: int, content: bytes) -> None:
    # Near a size limit or the end of the disk the system writes a part, and says why it stopped
    # only when asked to write the rest.
    while content:
        content = content[os.write(descriptor, content) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
