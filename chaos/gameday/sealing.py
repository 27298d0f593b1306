"""Where a round's secrets are while it is played: in a folder within its run's, which nobody else may read."""

from pathlib import Path

from chaos.errors import GameRefused
from chaos.facts.files import EXPERIMENT_FILE
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment
from chaos.spec.gameday import seal
from chaos.spec.gameday.seal import Seal

SEALED_FOLDER = ".sealed"
SEAL_FILE = "seal.json"


def make(folder: Path, made: Seal) -> Path:
    """Make the sealed folder of this run and lay the seal into it; returns where the recording belongs meanwhile."""
    sealed = folder / SEALED_FOLDER
    sealed.mkdir(mode=0o700, parents=True)
    (sealed / SEAL_FILE).write_bytes(seal.encode(made))
    return sealed


def is_sealed(folder: Path) -> bool:
    """Whether the round in this run's folder was not revealed yet."""
    return (folder / SEALED_FOLDER).is_dir()


def reveal(folder: Path) -> None:
    """Lay everything open; safe to repeat, and after a reveal that was cut short."""
    sealed = folder / SEALED_FOLDER
    if not sealed.is_dir():
        return
    for file in sealed.iterdir():
        file.replace(folder / file.name)
    sealed.rmdir()


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
