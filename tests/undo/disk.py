"""A disk of one megabyte for a state folder, that takes no write, or may not be looked at, when it is told so."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_FILLS = "fills-it"
_NOBODY = 65534
WITHOUT_RIGHTS = (
    "setpriv",
    "--inh-caps=-dac_override,-dac_read_search",
    "--bounding-set=-dac_override,-dac_read_search",
)
"""In front of a command: the superuser without the right to do what a file's mode forbids, as anybody else."""
WAYS = ("full", "read-only", "forbidden")


@dataclass
class Disk:
    """One disk, which the superuser alone can make."""

    folder: Path
    spoilt: str = ""

    def spoil(self, way: str) -> None:
        """Have it take no write any more: as it has no room, is read-only, or is another user's."""
        self.spoilt = way
        match way:
            case "full":
                with (self.folder / _FILLS).open("wb", buffering=0) as file:
                    try:
                        while file.write(bytes(512)):
                            pass
                    except OSError:
                        return
            case "read-only":
                # On top of itself: what writes already has it open, and would keep it from being made read-only.
                _mount("--bind", self.folder, self.folder)
                _mount("-o", "remount,bind,ro", self.folder)
            case "forbidden":
                for path in (*self.folder.rglob("*"), self.folder):
                    os.chown(path, _NOBODY, _NOBODY)
                    path.chmod(0o700 if path.is_dir() else 0o600)

    def mend(self) -> None:
        """Have it be as it was; safe to repeat."""
        match self.spoilt:
            case "full":
                (self.folder / _FILLS).unlink(missing_ok=True)
            case "read-only":
                subprocess.run(("umount", self.folder), check=True)
            case "forbidden":
                for path in (self.folder, *self.folder.rglob("*")):
                    os.chown(path, 0, 0)
        self.spoilt = ""


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """A new disk at this place."""
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", "size=1m,mode=0755", "stormdrill", folder)
    made = Disk(folder)
    try:
        yield made
    finally:
        made.mend()
        subprocess.run(("umount", "--lazy", folder), check=True)
        shutil.rmtree(folder, ignore_errors=True)


def _mount(*arguments: str | Path) -> None:
    subprocess.run(("mount", *map(str, arguments)), check=True, capture_output=True, text=True)
