"""What a check has to say."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, as it is printed: `file: place: what`."""

    file: str
    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.place}: {self.what}"


class Unreadable(Exception):
    """A file cannot be read as what it should be; carries the problem to print."""

    def __init__(self, file: Path, place: str, what: str) -> None:
        super().__init__(f"{file.name}: {place}: {what}")
        self.problem = Problem(file.name, place, what)
