"""Where a round's secrets are while it is played: in a folder within its run's, which nobody else may read."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from chaos.errors import GameRefused, InvalidFile
from chaos.facts.files import EXPERIMENT_FILE
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment
from chaos.spec.gameday import seal
from chaos.spec.gameday.seal import Seal

SEALED_FOLDER = ".sealed"
SEAL_FILE = "seal.json"
_OPENED = ".opened"
_PLAYED = "played"
"""Locked by whoever plays the round, for as long as he does."""


@contextlib.contextmanager
def sealed(folder: Path, made: Seal) -> Iterator[Path]:
    """Seal the round of this run's folder while the block is played: yields where its recording belongs meanwhile.

    Whatever becomes of the block, everything is laid open afterwards.
    """
    private = folder / SEALED_FOLDER
    private.mkdir(mode=0o700, parents=True)
    with (private / _PLAYED).open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            (private / SEAL_FILE).write_bytes(seal.encode(made))
            yield private
        finally:
            _lay_open(folder)


def is_sealed(folder: Path) -> bool:
    """Whether the round in this run's folder was not revealed yet."""
    return (folder / SEALED_FOLDER).is_dir()


def is_played(folder: Path) -> bool:
    """Whether somebody plays it now; else, if it is sealed, whoever played it is gone."""
    try:
        with (folder / SEALED_FOLDER / _PLAYED).open("rb") as probe:
            # Shared: who looks is not taken for who plays by another one that looks.
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def assert_left(folder: Path) -> None:
    """Raises GameRefused when somebody plays it now."""
    if is_played(folder):
        raise GameRefused(f"{folder.name} is played just now, and opens its seal itself")


def reveal(folder: Path) -> None:
    """Lay open a round that was broken off. Raises GameRefused when it is played."""
    assert_left(folder)
    _lay_open(folder)


def _lay_open(folder: Path) -> None:
    private = folder / SEALED_FOLDER
    if not private.is_dir():
        return
    for file in private.iterdir():
        if file.name != _PLAYED:
            file.replace(folder / file.name)
    # At once: who finds it sealed and nobody who plays it takes it for broken off.
    opened = private.rename(folder / _OPENED)
    (opened / _PLAYED).unlink(missing_ok=True)
    opened.rmdir()


def read(folder: Path) -> Seal:
    """The seal of the round in this run's folder, revealed or not. Raises GameRefused."""
    for place in (folder / SEAL_FILE, folder / SEALED_FOLDER / SEAL_FILE):
        try:
            return seal.read(place.read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise GameRefused(f"{place}: {error}") from error
    raise GameRefused(f"{folder} is no round of a game day")


def experiment(folder: Path) -> Experiment:
    """What was drawn. Raises GameRefused and InvalidFile."""
    for place in (folder / EXPERIMENT_FILE, folder / SEALED_FOLDER / EXPERIMENT_FILE):
        if place.exists():
            return yamlfile.read(place, Experiment)
    raise GameRefused(f"{folder} is no round of a game day")


def as_written(file: Path) -> str:
    """An experiment's file to be sealed, with its own ends of lines: the same bytes come of it. Raises InvalidFile."""
    try:
        return file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile(file, "", f"cannot be read: {error}") from error
