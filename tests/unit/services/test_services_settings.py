"""Settings say what they accept, and refuse the rest by name."""

from datetime import timedelta

import pytest

from services.kit.settings import Address, InvalidSettings, PortRange
from services.pager.settings import PagerSettings
from services.shop.settings import ShopSettings

REQUIRED = {
    "SHOP_INSTANCE": "shop-1",
    "SHOP_METRICS_PORTS": "24100-24107",
    "SHOP_POSTGRES_DSN": "postgresql://127.0.0.1/none",
    "SHOP_REDIS_NODES": "127.0.0.1:7001, 127.0.0.1:7002",
    "SHOP_INVENTORY_URL": "http://127.0.0.1:1",
}


@pytest.fixture
def environment(monkeypatch):
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_shop_reads_its_variables(environment):
    environment.setenv("SHOP_CACHE_TTL", "1m")
    settings = ShopSettings.from_environment()
    assert settings.metrics_ports == PortRange(24100, 24107)
    assert settings.redis_nodes == (Address("127.0.0.1", 7001), Address("127.0.0.1", 7002))
    assert settings.cache_ttl == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "duration"),
    [("250ms", timedelta(milliseconds=250)), ("2s", timedelta(seconds=2)), ("1.5", timedelta(seconds=1.5))],
)
def test_durations_have_units_and_bare_numbers_are_seconds(environment, text, duration):
    environment.setenv("SHOP_POSTGRES_POOL_TIMEOUT", text)
    assert ShopSettings.from_environment().postgres_pool_timeout == duration


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHOP_POSTGRES_POOL_TIMEOUT", "soon"),
        ("SHOP_POSTGRES_POOL_TIMEOUT", "-1s"),
        ("SHOP_METRICS_PORTS", "24107-24100"),
        ("SHOP_METRICS_PORTS", "many"),
        ("SHOP_REDIS_NODES", "127.0.0.1"),
        ("SHOP_TRACE_SAMPLE_RATIO", "2"),
    ],
)
def test_a_bad_value_is_refused_by_name(environment, name, value):
    environment.setenv(name, value)
    with pytest.raises(InvalidSettings, match=name):
        ShopSettings.from_environment()


def test_a_missing_value_is_refused_by_name(environment):
    environment.delenv("SHOP_POSTGRES_DSN")
    with pytest.raises(InvalidSettings, match="SHOP_POSTGRES_DSN"):
        ShopSettings.from_environment()


def test_a_misspelt_switch_is_refused(environment):
    environment.setenv("SHOP_L1CACHE", "off")
    environment.setenv("SHOP_GZIP", "perhaps")
    with pytest.raises(InvalidSettings) as refused:
        ShopSettings.from_environment()
    assert "SHOP_L1CACHE: there is no such setting" in str(refused.value)
    assert "SHOP_GZIP: 'perhaps': " in str(refused.value)


def test_a_single_port_is_a_range(monkeypatch, tmp_path):
    monkeypatch.setenv("PAGER_INSTANCE", "pager")
    monkeypatch.setenv("PAGER_METRICS_PORTS", "24100")
    monkeypatch.setenv("PAGER_JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setenv("PAGER_RECEIVERS", "pager, deadman")
    settings = PagerSettings.from_environment()
    assert list(settings.metrics_ports) == [24100]
    assert settings.receivers == ("pager", "deadman")


def test_an_order_is_not_given_up_while_it_may_still_be_placed(environment):
    environment.setenv("SHOP_REQUEST_DEADLINE", "3s")
    environment.setenv("SHOP_INVENTORY_TIMEOUT", "1s")
    environment.setenv("SHOP_ORDER_ABANDONED_AFTER", "4s")
    with pytest.raises(InvalidSettings, match="order_abandoned_after"):
        ShopSettings.from_environment()
    environment.setenv("SHOP_ORDER_ABANDONED_AFTER", "4100ms")
    assert ShopSettings.from_environment().order_abandoned_after == timedelta(seconds=4.1)


@pytest.mark.parametrize("switch", ["SHARED_SESSIONS", "SLIDING_EXPIRY", "EARLY_REFUSAL", "RESERVATION_RELEASE"])
def test_every_switch_is_on_until_it_is_off(environment, switch):
    assert getattr(ShopSettings.from_environment(), switch.lower())
    environment.setenv(f"SHOP_{switch}", "off")
    assert not getattr(ShopSettings.from_environment(), switch.lower())
