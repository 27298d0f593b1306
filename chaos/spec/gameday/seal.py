"""The seal of a round: what nobody may know before it ends, and a promise of it that everybody can check afterwards."""

import hashlib
import re
import secrets
from collections.abc import Sequence

import msgspec

from chaos.spec import values
from chaos.spec.gameday.deck import Inject

_SALT_BYTES = 16
"""128 random bits: who guesses the rest cannot try whether he is right."""
_SALT = re.compile(r"[0-9a-f]{32}")


class Sealed(msgspec.Struct, frozen=True):
    """What is drawn and kept secret."""

    experiment_id: str
    experiment: str
    """Its file, as it is written."""
    delay_seconds: float
    """The fault comes so long after the round began."""
    injects: list[Inject]
    mitigation: str
    herring: bool
    """Whether what is done has no effect."""
    seed: int
    place: int
    """Which round of the seed's day; the first is 0."""
    hints: list[str] = []
    """Instead of those made from the truth."""


class Seal(msgspec.Struct, frozen=True):
    """What was sealed, and the salt that opens it."""

    salt: str
    """In hexadecimal digits."""
    sealed: Sealed

    @property
    def commitment(self) -> str:
        """SHA-256 over the salt's bytes and the sealed as JSON with sorted keys, in hexadecimal digits."""
        written = msgspec.json.encode(self.sealed, enc_hook=values.encode, order="sorted")
        return hashlib.sha256(bytes.fromhex(self.salt) + written).hexdigest()


def seal(sealed: Sealed) -> Seal:
    """Seal it with a new salt."""
    return Seal(secrets.token_hex(_SALT_BYTES), sealed)


def read(content: bytes) -> Seal:
    """What `encode` wrote. Raises ValueError where it is no seal."""
    try:
        found = msgspec.json.decode(content, type=Seal, dec_hook=values.decode)
    except msgspec.DecodeError as error:
        raise ValueError(f"no seal: {error}") from error
    if not _SALT.fullmatch(found.salt):
        raise ValueError("no seal: the salt is not 128 bits")
    return found


def encode(found: Seal) -> bytes:
    """As JSON."""
    return msgspec.json.format(msgspec.json.encode(found, enc_hook=values.encode, order="sorted")) + b"\n"


def broken(found: Seal, commitment: str, experiment: str, injected_after: float | None) -> Sequence[str]:
    """What of a round is not as its seal says, in words; empty when all is.

    `commitment`: what was shown before it began; `experiment`: the file that was run; `injected_after`: seconds between
    the moment from which the fault might come and the fault; None: nothing was injected, or the host said when.
    """
    wrong = []
    if found.commitment != commitment:
        wrong.append(f"what was shown before is {commitment}, and what was sealed gives {found.commitment}")
    if found.sealed.experiment != experiment:
        wrong.append("the experiment that was run is not the one that was sealed")
    if injected_after is not None and injected_after < found.sealed.delay_seconds - _EARLY_SECONDS:
        wrong.append(f"the fault came after {injected_after:.1f} s, and not after {found.sealed.delay_seconds:g} s")
    return wrong


_EARLY_SECONDS = 0.1
"""Rounding; later it may come, as a machine is busy and a baseline has to be calm."""
