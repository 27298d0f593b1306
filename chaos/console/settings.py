"""What a console's process is told: a file that no other user can read, as a command line can be read by everybody."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

import msgspec

from chaos.errors import GameRefused
from chaos.facts.game import ROLES
from chaos.machine.process_identity import Child

_TOKEN_BYTES = 16
"""128 random bits."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # compared, not bound
HOST = "host"


class ConsoleSettings(msgspec.Struct, frozen=True):
    """One console's; whoever starts it again from the same file has the same addresses and tokens."""

    folder: str
    """The run's; or, when it `follows`, the folder of runs, of which the newest round is shown."""
    follows: bool
    past: str
    """A run that was the newest before: it is not shown when it `follows`; empty: there was none."""
    books: str
    """The folder of runbooks; empty: there is none."""
    address: str
    """Where it listens."""
    port: int
    secret: str
    """What pages prove that they are ours with."""
    tokens: dict[str, str]
    """By role; the host's alone where it is for this machine, on which other users may have accounts too."""
    speed: float = 0.0
    """How fast a recording is played; 0: what happens is shown as it happens."""
    began: float = 0.0
    """CLOCK_BOOTTIME at which that began; 0: `starts` says it."""
    target: str = ""
    """The file of the stack's target, which need not be there yet: who is asked for dashboards, alerts and traces."""
    dashboards: str = ""
    """The folder of dashboards while there is no target that can be read."""
    owner: Child | None = None
    """The process for whose sake it is there; None: nobody's."""
    game: Child | None = None
    """The game day or run to which it belongs, whoever began it again; None: to none."""
    starts: str = ""
    """A file that says at which CLOCK_BOOTTIME the recording begins to be played."""
    waits: bool = False
    """Whether somebody else writes that file; else the first page that asks does."""

    @property
    def cookie(self) -> str:
        """The name of its cookie: browsers send those of one machine to all of its ports."""
        return f"stormdrill-{hashlib.sha256(self.secret.encode()).hexdigest()[:8]}"

    @property
    def alone(self) -> bool:
        """Whether it is for this machine: whoever is let in is the host, and may come to the table as anything."""
        return set(self.tokens) == {HOST}

    def proof(self, role: str) -> str:
        """What a page of this role sends with whatever it wants done, and a page of somebody else's cannot know."""
        return hmac.new(self.secret.encode(), role.encode(), hashlib.sha256).hexdigest()

    def role_of(self, token: str) -> str | None:
        """Whose token it is; None: nobody's."""
        # All are compared, and each whole: how long it takes tells nothing.
        fits = [role for role, its in self.tokens.items() if hmac.compare_digest(its.encode(), token.encode())]
        return fits[0] if fits else None

    def urls(self, machine: str) -> list[tuple[str, str]]:
        """Role and address, for people; `machine`: how this one is reached where it listens on all addresses."""
        host = machine if self.address in EVERYWHERE else self.address
        base = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        return [(role, f"{base}/enter/{token}") for role, token in self.tokens.items()]


def new_tokens(listens: bool) -> dict[str, str]:
    """One for each role where it listens for other machines, else for the host."""
    return {role: secrets.token_hex(_TOKEN_BYTES) for role in (ROLES if listens else (HOST,))}


def new_secret() -> str:
    """Of one console."""
    return secrets.token_hex(_TOKEN_BYTES)


def write(file: Path, settings: ConsoleSettings) -> None:
    """Write them for nobody else. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(msgspec.json.encode(settings))


def read(file: Path) -> ConsoleSettings:
    """What `write` wrote. Raises GameRefused."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=ConsoleSettings)
    except (OSError, msgspec.DecodeError) as error:
        raise GameRefused(f"{file}: {error}") from error
