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
    """By role; empty: it listens on loopback, where whoever comes may be everybody."""
    speed: float = 0.0
    """How fast a recording is played; 0: what happens is shown as it happens."""
    began: float = 0.0
    """CLOCK_BOOTTIME at which that began."""
    target: str = ""
    """The file of the stack's target, which need not be there yet: who is asked for dashboards, alerts and traces."""
    dashboards: str = ""
    """The folder of dashboards where the target names none."""
    owner: Child | None = None
    """The process for whose sake it is there; None: nobody's."""

    @property
    def cookie(self) -> str:
        """The name of its cookie: browsers send those of one machine to all of its ports."""
        return f"stormdrill-{hashlib.sha256(self.secret.encode()).hexdigest()[:8]}"

    def proof(self, role: str) -> str:
        """What a page of this role sends with whatever it wants done, and a page of somebody else's cannot know."""
        return hmac.new(self.secret.encode(), role.encode(), hashlib.sha256).hexdigest()

    def role_of(self, token: str) -> str | None:
        """Whose token it is; None: nobody's. Without tokens everybody is the host."""
        if not self.tokens:
            return "host"
        # All are compared, and each whole: how long it takes tells nothing.
        fits = [role for role, its in self.tokens.items() if hmac.compare_digest(its.encode(), token.encode())]
        return fits[0] if fits else None

    def urls(self, machine: str) -> list[tuple[str, str]]:
        """Role and address, for people; `machine`: how this one is reached where it listens on all addresses."""
        host = machine if self.address in ("0.0.0.0", "::") else self.address  # noqa: S104  # compared, not bound
        base = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        if not self.tokens:
            return [("everybody", f"{base}/")]
        return [(role, f"{base}/enter/{token}") for role, token in self.tokens.items()]


def new_tokens() -> dict[str, str]:
    """One for each role."""
    return {role: secrets.token_hex(_TOKEN_BYTES) for role in ROLES}


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
