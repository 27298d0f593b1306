"""The shop's settings, from variables that start with SHOP_."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.kit.cache_settings import CacheSettings
from services.kit.settings import Duration, PostgresSettings, RedisSettings, ServiceSettings


class ShopSettings(ServiceSettings, PostgresSettings, RedisSettings, CacheSettings):
    """Everything one shop instance is told."""

    model_config = SettingsConfigDict(env_prefix="SHOP_", frozen=True)

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
