"""The append-only facts of a claim that is measured, and how they are read back."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from chaos.errors import InvalidFile, SignalUnavailable
from chaos.facts.claims.facts import AnyClaimFact, ClaimEnded, ClaimStarted, LoadSeen, Reading
from chaos.spec.claims import claim as claims
from chaos.spec.claims.claim import Claim

CLAIM_FILE = "claim.yaml"
FACTS_FILE = "facts.ndjson"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClaimRecording:
    """All facts of one claim that was measured once."""

    claim: Claim
    facts: tuple[AnyClaimFact, ...]

    def all(self, kind: type[T]) -> list[T]:
        """Every fact of this kind, in the order in which they were recorded."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def first(self, kind: type[T]) -> T | None:
        """The first fact of this kind; None when there is none."""
        return next((fact for fact in self.facts if isinstance(fact, kind)), None)

    def readings(self, name: str, **labels: str) -> list[Reading]:
        """Every number of this name that has these labels, others aside."""
        return [one for one in self.all(Reading) if one.name == name and labels.items() <= one.labels.items()]

    def values(self, name: str, **labels: str) -> list[float]:
        """The numbers of these readings."""
        return [one.value for one in self.readings(name, **labels)]

    def loads(self, **labels: str) -> list[LoadSeen]:
        """Every stage of a load that has these labels, others aside."""
        return [one for one in self.all(LoadSeen) if labels.items() <= one.labels.items()]


class ClaimRecorder:
    """Writes facts, each handed to the system at once."""

    def __init__(self, folder: Path, claim_file: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CLAIM_FILE).write_bytes(claim_file.read_bytes())
        self._file = (folder / FACTS_FILE).open("xb", buffering=0)
        self._wrote: Counter[str] = Counter()

    def write(self, fact: AnyClaimFact) -> None:
        """Append one fact. Raises SignalUnavailable when that cannot be written, as on a full disk."""
        line = msgspec.json.encode(fact) + b"\n"
        try:
            written = self._file.write(line)
        except OSError as error:
            raise SignalUnavailable(f"the recording cannot be written: {error}") from error
        if written != len(line):
            raise SignalUnavailable("the recording cannot be written: only a part of it")
        self._wrote[str(type(fact).__struct_config__.tag)] += 1

    def end(self, at: float, how: str, detail: str) -> None:
        """Append the last fact, which says how many there are of each kind, and close."""
        self.write(ClaimEnded(at, how, detail, dict(self._wrote)))
        self._file.close()


def read(folder: Path) -> ClaimRecording:
    """Read it back; of a line that a crash tore nothing is taken. Raises InvalidFile where it is no such recording."""
    claim = claims.read(folder / CLAIM_FILE)
    file = folder / FACTS_FILE
    try:
        whole = file.read_bytes().rpartition(b"\n")[0]
    except OSError as error:
        raise InvalidFile(file, "", f"cannot be read: {error}") from error
    facts: list[AnyClaimFact] = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            facts.append(_DECODER.decode(line))
        except msgspec.DecodeError as error:
            raise InvalidFile(file, "", f"not a fact: {error}", number) from error
    if not facts or not isinstance(facts[0], ClaimStarted):
        raise InvalidFile(file, "", "not a recording: it does not begin with what is measured")
    return ClaimRecording(claim, tuple(facts))


_DECODER: msgspec.json.Decoder[AnyClaimFact] = msgspec.json.Decoder(AnyClaimFact)
