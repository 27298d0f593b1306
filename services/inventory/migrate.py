"""Creates inventory's tables and stock: ``python -m services.inventory.migrate``."""

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from services.kit.schema import apply_schema
from services.kit.settings import PostgresSettings


class MigrationSettings(PostgresSettings):
    """The part of inventory's settings that a migration needs."""

    model_config = SettingsConfigDict(env_prefix="INVENTORY_", frozen=True)


if __name__ == "__main__":
    dsn = MigrationSettings.from_environment().postgres_dsn
    apply_schema(dsn, Path(__file__).with_name("schema.sql"))
