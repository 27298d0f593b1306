"""The pager's settings, from variables that start with PAGER_."""

from datetime import timedelta
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from services.kit.settings import Duration, Names, ServiceSettings


class PagerSettings(ServiceSettings):
    """Everything the pager is told."""

    model_config = SettingsConfigDict(env_prefix="PAGER_", frozen=True)

    journal: Path
    """File that keeps every delivery, one JSON object a line."""
    receivers: Names = ("pager", "deadman", "fallback")
    deadman_timeout: Duration = timedelta(seconds=30)
    """The switch is alive while the last accepted Watchdog is younger than this."""
