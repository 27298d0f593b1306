"""Files that have to be known also when nobody may look at them any more: as they were when they last could be read.

An undo must not fail because a disk is forbidden or broken since the fault was put in place.
"""

from pathlib import Path

_SEEN: dict[Path, bytes] = {}
"""What this process read or wrote."""


def read(file: Path) -> bytes | None:
    """Its content; None where it is not there. Raises OSError where it cannot be read and never could be."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        _SEEN.pop(file, None)
        return None
    except OSError:
        if file not in _SEEN:
            raise
        return _SEEN[file]
    _SEEN[file] = content
    return content


def keep(file: Path, content: bytes) -> None:
    """It was just written so."""
    _SEEN[file] = content


def forget(folder: Path) -> None:
    """What is in this folder needs to be known no more."""
    for file in [file for file in _SEEN if file.parent == folder]:
        del _SEEN[file]
