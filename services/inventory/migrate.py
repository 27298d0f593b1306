"""Creates inventory's tables and stock: ``python -m services.inventory.migrate``."""

import sys
from pathlib import Path

from services.inventory.settings import InventorySettings
from services.kit.postgres.schema import apply_schema
from services.kit.settings import InvalidSettings

if __name__ == "__main__":
    # All of the settings: the migration is the first to read them, and can still say what is wrong.
    try:
        settings = InventorySettings.from_environment()
    except InvalidSettings as error:
        sys.exit(str(error))
    apply_schema(settings.postgres_dsn, Path(__file__).with_name("schema.sql"))
