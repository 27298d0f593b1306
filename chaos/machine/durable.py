"""Files that are replaced whole, and are on disk when that is said."""

import os
from pathlib import Path


def replace(file: Path, content: bytes, *, durable: bool = True, private: bool = False) -> None:
    """Write a file whole: no reader sees half of it, and if `durable` none after a crash of the machine either.

    If `private`, no other user can read it. Raises OSError; then the file is as it was.
    """
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    with new.open("wb") as opened:
        if private:
            os.fchmod(opened.fileno(), 0o600)  # while there is nothing in it
        opened.write(content)
        opened.flush()
        if durable:
            os.fsync(opened.fileno())
    new.replace(file)
    if durable:
        folder_on_disk(file.parent)


def folder_on_disk(folder: Path) -> None:
    """Have the names of a folder on disk: without it a power cut may take a file whose content is there."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
