"""The pager's settings, from variables that start with PAGER_."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from services.kit.settings import Address, Duration, Names, ServiceSettings

_ANY = "*"


def _parse_mail(value: object) -> object:
    return (Address.parse(value) if value.strip() else None) if isinstance(value, str) else value


MailAddress = Annotated[Address | None, NoDecode, BeforeValidator(_parse_mail)]


class PagerSettings(ServiceSettings):
    """Everything the pager is told."""

    model_config = SettingsConfigDict(env_prefix="PAGER_", frozen=True)

    body_bytes: int = Field(default=1_000_000, ge=1)
    """A message has all alerts of a group."""
    journal: Path
    """File that keeps every delivery, one JSON object a line."""
    journal_bytes: int = Field(default=16_000_000, ge=10_000)
    """From this length on the journal is begun anew; of those before it the last is kept beside it, as `….1`."""
    receivers: Names = ("pager", "deadman", "fallback")
    """Whose deliveries are accepted; `*` for any receiver's."""
    mail: MailAddress = None
    """`host:port` on which it takes mail; empty: it takes none."""
    deadman_timeout: Duration = timedelta(seconds=30)
    """The switch is alive while the last accepted Watchdog is younger than this."""

    def knows(self, receiver: str) -> bool:
        """Whether a receiver's deliveries are accepted."""
        return receiver in self.receivers or (_ANY in self.receivers and receiver != "")
