"""Composes the shop."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from fastapi import FastAPI

from services.kit.http.caching import HttpCache
from services.kit.http.client import HttpClient, Remote
from services.kit.postgres.database import Postgres
from services.kit.redis.cluster import Redis, as_store
from services.kit.service import create_service
from services.kit.telemetry.instruments import Instruments
from services.shop.cart import Carts, RedisCarts
from services.shop.instance_sessions import InstanceCarts, InstanceSessions
from services.shop.order_book import OrderBook
from services.shop.orders import Orders
from services.shop.products import Products
from services.shop.reservations import Reservations
from services.shop.routes import router
from services.shop.session_operations import SessionOperations, WatchedCarts, WatchedSessions
from services.shop.session_routes import SessionCookie
from services.shop.sessions import RedisSessions, Sessions
from services.shop.settings import ShopSettings
from services.shop.stock import Stock
from services.shop.sweeper import Sweeper, SweepPlan
from services.shop.warmer import WarmPlan, warmer


def create_app(settings: ShopSettings | None = None) -> FastAPI:
    """Return the shop, told by the environment unless settings are given."""
    told = settings or ShopSettings.from_environment()

    @asynccontextmanager
    async def open_resources(app: FastAPI, instruments: Instruments) -> AsyncIterator[None]:
        async with (
            Postgres(told, instruments) as postgres,
            Redis(told, instruments) as redis,
            Redis(told, instruments, as_store(told)) as store,
            HttpClient(_inventory(told), told, instruments) as inventory,
            Products(postgres, redis, told, instruments) as products,
            _warmer(products, told, instruments),
            Sweeper(postgres, Reservations(inventory), _sweep_plan(told), instruments),
        ):
            app.state.products = products
            app.state.stock = Stock(inventory, told.stock_timeout)
            app.state.http_cache = _http_cache(told)
            sessions, carts = _sessions(told, store)
            operations = SessionOperations(instruments.registry)
            app.state.sessions = WatchedSessions(sessions, operations)
            app.state.carts = WatchedCarts(carts, operations)
            app.state.session_cookie = SessionCookie(
                told.session_ttl, sliding=told.sliding_expiry, secure=told.session_cookie_secure
            )
            app.state.orders = Orders(
                OrderBook(postgres),
                Reservations(inventory),
                instruments.registry,
                needs=told.order_needs,
                early_refusal=told.early_refusal,
            )
            yield

    return create_service("shop", told, router, open_resources)


def _http_cache(told: ShopSettings) -> HttpCache:
    return HttpCache(int(told.cache_l1_ttl.total_seconds()), told.http_cache, told.etag, told.gzip)


def _inventory(told: ShopSettings) -> Remote:
    answers = (("GET", 200), ("POST", 201), ("POST", 409), ("DELETE", 204))
    return Remote("inventory", told.inventory_url, told.inventory_timeout, told.inventory_pool_max, answers)


def _sessions(told: ShopSettings, store: Redis) -> tuple[Sessions, Carts]:
    if told.shared_sessions:
        shared = RedisSessions(store, told.session_ttl, sliding=told.sliding_expiry)
        return shared, RedisCarts(shared)
    own = InstanceSessions(told.session_ttl, sliding=told.sliding_expiry)
    return own, InstanceCarts(own)


def _warmer(products: Products, told: ShopSettings, instruments: Instruments) -> AbstractAsyncContextManager[object]:
    plan = WarmPlan(told.cache_warm_every, told.cache_warm_most)
    return warmer(products, plan, instruments) if told.cache_warming else nullcontext()


def _sweep_plan(told: ShopSettings) -> SweepPlan:
    return SweepPlan(told.sweep_every, told.order_abandoned_after, told.sweep_at_once, told.reservation_release)
