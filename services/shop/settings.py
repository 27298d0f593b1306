"""The shop's settings, from variables that start with SHOP_."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.kit.settings import Duration, PostgresSettings, RedisSettings, ServiceSettings


class ShopSettings(ServiceSettings, PostgresSettings, RedisSettings):
    """Everything one shop instance is told."""

    model_config = SettingsConfigDict(env_prefix="SHOP_", frozen=True)

    inventory_url: str
    inventory_timeout: Duration = timedelta(milliseconds=1500)
    """Longest wait for one answer of inventory."""
    inventory_pool_max: int = Field(default=20, ge=1)
    cache_ttl: Duration = timedelta(seconds=5)
    """How old a cached product may be; short enough that some reads always reach Postgres."""
    cache_ttl_jitter: float = Field(default=0.2, ge=0.0, lt=1.0)
    """Share of the time to live by which it varies, so that keys do not expire all at once."""
