"""One setting moves the whole stack: its ports lie in one range, none is used twice, none leaves it."""

import pytest

from compose.config.programs import service_environment
from compose.settings import InvalidSettings, from_environment
from compose.topology import PORT_SPAN, build


def settings(**environment):
    return from_environment({"STORMDRILL_STATE": "/var/tmp/x", **environment})


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("workers", ["1", "8"])
@pytest.mark.parametrize("base", [18000, 26000])
def test_ports_lie_in_the_range_and_each_is_used_once(base, workers, apart):
    stack = build(settings(STORMDRILL_PORT_BASE=str(base), STORMDRILL_WORKERS=workers), apart=apart)
    ports = [port for program in stack.programs for port in (*program.ports, *program.metrics_ports)]
    ports += [proxy.listen for proxy in stack.proxies]
    assert len(ports) == len(set(ports)) == len(stack.all_ports())
    assert all(base <= port < base + PORT_SPAN for port in ports)


def test_every_instance_has_ways_of_its_own():
    stack = build(settings())
    links = stack.links()
    told = {each.name: service_environment(each, settings(), stack) for each in stack.programs if each.metrics_ports}
    for name in ("shop-1", "shop-2", "shop-3", "inventory-1", "inventory-2"):
        (own,) = links[f"postgres/{name}"]
        dsn = next(value for variable, value in told[name].items() if variable.endswith("_POSTGRES_DSN"))
        assert f":{stack.proxy(own).listen}/" in dsn
        assert own in links["postgres"]
    urls = {told[f"shop-{number}"]["SHOP_INVENTORY_URL"] for number in (1, 2, 3)}
    proxies = {stack.proxy(links[f"inventory/shop-{number}"][0]) for number in (1, 2, 3)}
    assert urls == {f"http://127.0.0.1:{proxy.listen}" for proxy in proxies}
    assert {proxy.upstream for proxy in proxies} == {stack.inventory_front}
    assert links["redis"] == [f"redis-{number}" for number in range(1, 7)]
    assert {name for proxies in links.values() for name in proxies} == {proxy.name for proxy in stack.proxies}


def test_a_proxys_name_can_be_asked_for():
    # Toxiproxy takes it from the path of a request.
    assert not [proxy.name for proxy in build(settings()).proxies if "/" in proxy.name]


def test_a_part_that_is_left_out_is_in_no_port():
    stack = build(settings(), frozenset({"jaeger"}))
    assert "jaeger" not in stack.all_ports().values()


def test_the_users_own_settings_reach_the_services_and_make_another_stack():
    plain, mine = settings(), settings(SHOP_CACHE_TTL="1s", OTHER="x")
    assert mine.service_settings == {"SHOP_CACHE_TTL": "1s"}
    assert plain.fingerprint() != mine.fingerprint()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STORMDRILL_PORT_BASE", "80"),
        ("STORMDRILL_PORT_BASE", "x"),
        ("STORMDRILL_WORKERS", "0"),
        ("STORMDRILL_WORKERS", "9"),
        ("STORMDRILL_STATE", "/" + "long/" * 20),
    ],
)
def test_what_cannot_be_used_is_named(name, value):
    with pytest.raises(InvalidSettings, match=name):
        settings(**{name: value})
