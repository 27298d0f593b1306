"""The pager's settings, from variables that start with PAGER_."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.kit.settings import Duration, Names, ServiceSettings


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
    deadman_timeout: Duration = timedelta(seconds=30)
    """The switch is alive while the last accepted Watchdog is younger than this."""
