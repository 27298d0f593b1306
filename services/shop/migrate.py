"""Creates the shop's tables and products: ``python -m services.shop.migrate``."""

from pathlib import Path

from pydantic_settings import SettingsConfigDict

from services.kit.schema import apply_schema
from services.kit.settings import PostgresSettings


class MigrationSettings(PostgresSettings):
    """The part of the shop's settings that a migration needs."""

    model_config = SettingsConfigDict(env_prefix="SHOP_", frozen=True)


if __name__ == "__main__":
    dsn = MigrationSettings.from_environment().postgres_dsn
    apply_schema(dsn, Path(__file__).with_name("schema.sql"))
