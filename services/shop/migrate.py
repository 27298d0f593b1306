"""Creates the shop's tables and products: ``python -m services.shop.migrate``."""

import sys
from pathlib import Path

from services.kit.postgres.schema import apply_schema
from services.kit.settings import InvalidSettings
from services.shop.settings import ShopSettings

if __name__ == "__main__":
    # All of the settings: the migration is the first to read them, and can still say what is wrong.
    try:
        settings = ShopSettings.from_environment()
    except InvalidSettings as error:
        sys.exit(str(error))
    apply_schema(settings.postgres_dsn, Path(__file__).with_name("schema.sql"))
