"""Composes the shop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.kit.http_cache import HttpCache
from services.kit.http_client import HttpClient, Remote
from services.kit.instruments import Instruments
from services.kit.postgres import Postgres
from services.kit.redis import Redis
from services.kit.service import create_service
from services.shop.orders import Orders
from services.shop.products import Products
from services.shop.reservations import Reservations
from services.shop.routes import router
from services.shop.settings import ShopSettings
from services.shop.stock import Stock


def create_app(settings: ShopSettings | None = None) -> FastAPI:
    """Return the shop, told by the environment unless settings are given."""
    told = settings or ShopSettings.from_environment()

    @asynccontextmanager
    async def open_resources(app: FastAPI, instruments: Instruments) -> AsyncIterator[None]:
        async with (
            Postgres(told, instruments) as postgres,
            Redis(told, instruments) as redis,
            HttpClient(_inventory(told), told, instruments) as inventory,
            Products(postgres, redis, told, instruments) as products,
        ):
            app.state.products = products
            app.state.stock = Stock(inventory, told.stock_timeout)
            app.state.http_cache = _http_cache(told)
            app.state.orders = Orders(postgres, Reservations(inventory))
            yield

    return create_service("shop", told, router, open_resources)


def _http_cache(told: ShopSettings) -> HttpCache:
    return HttpCache(int(told.cache_l1_ttl.total_seconds()), told.http_cache, told.etag, told.gzip)


def _inventory(told: ShopSettings) -> Remote:
    return Remote("inventory", told.inventory_url, told.inventory_timeout, told.inventory_pool_max)
