"""Composes inventory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.inventory.reservations import Reservations
from services.inventory.routes import router
from services.inventory.settings import InventorySettings
from services.inventory.stock import Stock
from services.kit.postgres.database import Postgres
from services.kit.service import create_service
from services.kit.telemetry.instruments import Instruments


def create_app(settings: InventorySettings | None = None) -> FastAPI:
    """Return inventory, told by the environment unless settings are given."""
    told = settings or InventorySettings.from_environment()

    @asynccontextmanager
    async def open_resources(app: FastAPI, instruments: Instruments) -> AsyncIterator[None]:
        async with Postgres(told, instruments) as postgres:
            app.state.stock = Stock(postgres)
            app.state.reservations = Reservations(postgres)
            yield

    return create_service("inventory", told, router, open_resources)
