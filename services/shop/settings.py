"""The shop's settings, from variables that start with SHOP_."""

from datetime import timedelta
from typing import ClassVar, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from services.kit.cache.settings import CacheSettings
from services.kit.settings import Duration, PostgresSettings, RedisSettings, ServiceSettings


class ShopSettings(ServiceSettings, PostgresSettings, RedisSettings, CacheSettings):
    """Everything one shop instance is told."""

    model_config = SettingsConfigDict(env_prefix="SHOP_", frozen=True)

    # The load balancer's switches, so that all of the system's have one prefix.
    elsewhere: ClassVar[frozenset[str]] = frozenset(
        {"health_checks", "outlier_detection", "lb_retries", "queue_limits", "rate_limit", "slow_start"}
    )

    inventory_url: str
    inventory_timeout: Duration = timedelta(milliseconds=1500)
    """Longest wait for one answer of inventory."""
    inventory_pool_max: int = Field(default=20, ge=1)
    stock_timeout: Duration = timedelta(milliseconds=500)
    """Longest wait for the stock of a page; without it the page is shown, and says so."""

    http_cache: bool = True
    """Off, neither the load balancer nor a browser may keep an answer."""
    etag: bool = True
    pagination: bool = True
    """Off, every page of products holds them all."""

    cache_warming: bool = True
    """Off, what nobody asked for lately cannot be shown while Postgres does not answer."""
    cache_warm_every: Duration = timedelta(minutes=1)
    """Mean pause between two looks for such products; for `cache_stale_for` each is kept."""
    cache_warm_most: int = Field(default=1000, ge=1)
    """Most products to keep, in the order of their skus."""

    session_ttl: Duration = timedelta(minutes=30)
    """How long a session and its cart live; with sliding expiry, from their last use on."""
    session_cookie_secure: bool = True
    """Whether browsers may send the cookie over HTTPS only; `off` is for where the load balancer speaks plain HTTP."""
    shared_sessions: bool = True
    """Off, an instance keeps sessions and carts in its own memory, and no other instance knows them."""
    sliding_expiry: bool = True
    """Off, a session ends when its time is over, however busy its user is."""

    early_refusal: bool = True
    """Off, an order is begun also when it cannot be finished."""
    order_needs: Duration = timedelta(milliseconds=500)
    """An order is refused unless at least this much of the request's deadline is left."""
    reservation_release: bool = True
    """Off, stock that was reserved for an order that was never confirmed stays reserved."""
    order_abandoned_after: Duration = timedelta(seconds=30)
    """Age of the last attempt from which on an unfinished order is given up."""
    sweep_every: Duration = timedelta(seconds=5)
    """Mean pause between two looks for abandoned orders."""
    sweep_at_once: int = Field(default=20, ge=1)
    """Most abandoned orders to give up at one look."""

    @model_validator(mode="after")
    def _abandoned_means_over(self) -> Self:
        # What a request began, inventory may still be carrying out when the request is over.
        longest = self.request_deadline + self.inventory_timeout
        if self.order_abandoned_after <= longest:
            raise ValueError(f"order_abandoned_after must be longer than an attempt can last, {longest}")
        return self
