"""The load balancer's switches: on unless said otherwise, and nothing but on or off."""

from dataclasses import fields

import pytest

from compose.settings import BalancerSettings, InvalidSettings, from_environment
from compose.topology import build
from services.shop.settings import ShopSettings

SWITCHES = [field.name for field in fields(BalancerSettings)]


def test_everything_is_on_by_default():
    assert from_environment({}).balancer == BalancerSettings.read({})
    assert all(getattr(BalancerSettings.read({}), name) for name in SWITCHES)


@pytest.mark.parametrize("name", SWITCHES)
def test_each_is_switched_off_by_one_variable_and_makes_another_stack(name):
    settings = from_environment({f"SHOP_{name.upper()}": "off"})
    assert [each for each in SWITCHES if not getattr(settings.balancer, each)] == [name]
    assert settings.fingerprint() != from_environment({}).fingerprint()


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", ["", "false", "OFF", "maybe"])
def test_anything_else_is_refused_by_name(name, value):
    with pytest.raises(InvalidSettings, match=f"SHOP_{name.upper()}: {value!r}: must be on or off"):
        from_environment({f"SHOP_{name.upper()}": value})


def test_the_shop_reads_its_part_and_minds_none_of_the_others(monkeypatch):
    for name in SWITCHES:
        monkeypatch.setenv(f"SHOP_{name.upper()}", "off")
    required = {
        "INSTANCE": "shop-1",
        "METRICS_PORTS": "1",
        "POSTGRES_DSN": "",
        "REDIS_NODES": "127.0.0.1:1",
        "INVENTORY_URL": "http://127.0.0.1:1",
    }
    for name, value in required.items():
        monkeypatch.setenv(f"SHOP_{name}", value)
    assert ShopSettings.from_environment().drain is False


def test_proxies_are_networks_and_make_another_stack():
    told = from_environment({"STORMDRILL_PROXIES": "192.0.2.0/24, 2001:db8::/32"})
    assert told.proxies == ("192.0.2.0/24", "2001:db8::/32")
    assert told.fingerprint() != from_environment({}).fingerprint()


@pytest.mark.parametrize("value", ["nobody", "192.0.2.1/24", "192.0.2.0/24; stats enable", "\n192.0.2.0/33"])
def test_what_is_no_network_is_refused_by_name(value):
    with pytest.raises(InvalidSettings, match="STORMDRILL_PROXIES: "):
        from_environment({"STORMDRILL_PROXIES": value})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read"),
        (b"\xff", "cannot be read"),
        (b"", "no certificate"),
        (b"-----BEGIN CERTIFICATE-----\n", "no private key"),
    ],
)
def test_what_is_no_certificate_with_its_key_is_refused_by_name(tmp_path, content, reason):
    path = tmp_path / "pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidSettings, match=f"STORMDRILL_TLS_CERTIFICATE: .*{reason}"):
        from_environment({"STORMDRILL_TLS_CERTIFICATE": str(path)})


def test_a_certificate_makes_another_stack_with_a_port_more(tmp_path):
    path = tmp_path / "pem"
    path.write_text("-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n")
    told, plain = from_environment({"STORMDRILL_TLS_CERTIFICATE": str(path)}), from_environment({})
    assert told.fingerprint() != plain.fingerprint()
    assert (build(told).https, build(plain).https) == (18003, 0)
    assert 18003 in build(told).all_ports()
