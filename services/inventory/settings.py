"""Inventory's settings, from variables that start with INVENTORY_."""

from datetime import timedelta

from pydantic_settings import SettingsConfigDict

from services.kit.settings import Duration, PostgresSettings, ServiceSettings


class InventorySettings(ServiceSettings, PostgresSettings):
    """Everything one inventory instance is told."""

    model_config = SettingsConfigDict(env_prefix="INVENTORY_", frozen=True)

    # The shop waits 1.5 s for us; an answer after that is work for nobody.
    request_deadline: Duration = timedelta(milliseconds=1400)
