"""A claim about the system as a file: the hypothesis, its load, its bounds, and what must refute it."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from chaos.errors import InvalidFile
from chaos.spec import yamlfile
from chaos.spec.claims.profile import Stage
from chaos.spec.values import Bound, Duration

ORDER = (7, 5, 6, 2, 1, 3, 4, 8, 9)
"""In which all of them are run: what is quick, and what says most of the machine, first."""
LIMITS = (
    "cores",
    "memory_mib",
    "open_files",
    "ephemeral_ports",
    "somaxconn",
    "tcp_memory_mib",
    "cpu_quotas",
)
"""The limits of a machine that a claim may need, as chaos/machine/limits.py reads them."""


class MeasureBound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a measured number has to be."""

    name: str
    """What it is, in words."""
    measure: str
    """What the claim's judge calls it."""
    wanted: Bound
    because: str
    """Why this number."""


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One hypothesis; the file's name is its id."""

    number: int
    title: str
    article: str
    """What the article says."""
    claim: str
    """What is held against this machine."""
    bounds: list[MeasureBound]
    deviations: dict[str, str]
    """What must refute it when it is done: a name for the command line, and what it is in words."""
    profiles: dict[str, list[Stage]] = {}
    """Its loads by name."""
    numbers: dict[str, float] = {}
    """Sizes of the measurement by name."""
    needs: dict[str, float] = {}
    """The least of each limit of the machine without which nothing can be said."""
    lag: Duration = Duration(milliseconds=20)
    """If the load's own process was later than this with one of a hundred requests, it was not the system that was
    measured."""
    busy_cores: float = 0.5
    """If others kept more cores busy than this before it began, likewise; a stack that nobody asks may be up."""

    def __post_init__(self) -> None:
        if unknown := self.needs.keys() - set(LIMITS):
            raise ValueError(f"needs: no such limit: {', '.join(sorted(unknown))}; there are {', '.join(LIMITS)}")
        if not self.bounds or not self.deviations:
            raise ValueError("a claim has bounds, and at least one deviation that must refute it")

    def number_of(self, name: str) -> float:
        """A size of the measurement. KeyError where the file has none of this name."""
        return self.numbers[name]


def read(file: Path) -> Claim:
    """Read a claim's file. Raises InvalidFile."""
    claim = yamlfile.read(file, Claim)
    if claim.number not in ORDER:
        raise yamlfile.located(file, "number", f"must be one of {', '.join(map(str, sorted(ORDER)))}")
    return claim


def files(folder: Path) -> list[Path]:
    """Every claim's file of a folder, in the order in which they are run. Raises InvalidFile."""
    numbered = {file: read(file).number for file in sorted(folder.glob("*.yaml"))}
    if len(set(numbered.values())) < len(numbered):
        raise InvalidFile(folder, "", "two claims have one number")
    return sorted(numbered, key=lambda file: ORDER.index(numbered[file]))


def choose(all_files: Sequence[Path], only: Sequence[str]) -> list[Path]:
    """Those with one of these numbers or ids; all where none is given. ValueError for one that there is not."""
    by_name = {name: file for file in all_files for name in (file.stem, str(read(file).number))}
    if missing := [name for name in only if name not in by_name]:
        raise ValueError(f"no such claim: {', '.join(missing)}; there are {', '.join(file.stem for file in all_files)}")
    wanted = {by_name[name] for name in only} or set(all_files)
    return [file for file in all_files if file in wanted]
