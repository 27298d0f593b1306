"""Files that are replaced whole, and are on disk when that is said; and files that no other user can read."""

import contextlib
import os
import stat
from pathlib import Path

_OWNERS_FILE = 0o600
_OWNERS_FOLDER = 0o700


def replace(file: Path, content: bytes, *, durable: bool = True, private: bool = False) -> None:
    """Write a file whole: no reader sees half of it, and if `durable` none after a crash of the machine either.

    If `private`, no other user can read it. Raises OSError; then the file is as it was.
    """
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    with os.fdopen(open_private(new, os.O_WRONLY | os.O_TRUNC), "wb") if private else new.open("wb") as opened:
        opened.write(content)
        opened.flush()
        if durable:
            os.fsync(opened.fileno())
    new.replace(file)
    if durable:
        folder_on_disk(file.parent)


def open_private(file: Path, flags: int) -> int:
    """Open a file, which is made where it is not there, so that no other user can; the descriptor. Raises OSError."""
    # With its mode from the first moment on: whoever has it open keeps it, whatever its mode becomes.
    descriptor = os.open(file, flags | os.O_CREAT | os.O_CLOEXEC, _OWNERS_FILE)
    with contextlib.suppress(OSError):  # a disk that takes no write, or a file system on which there are no modes
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != _OWNERS_FILE:
            os.fchmod(descriptor, _OWNERS_FILE)  # an earlier release made it for everybody
    return descriptor


def private_folder(folder: Path) -> None:
    """Make a folder, where it is not there, that no other user can look into. Raises OSError."""
    folder.mkdir(mode=_OWNERS_FOLDER, exist_ok=True)
    with contextlib.suppress(OSError):
        if stat.S_IMODE(folder.stat().st_mode) != _OWNERS_FOLDER:
            folder.chmod(_OWNERS_FOLDER)


def folder_on_disk(folder: Path) -> None:
    """Have the names of a folder on disk: without it a power cut may take a file whose content is there."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
