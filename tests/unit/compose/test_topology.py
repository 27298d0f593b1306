"""One setting moves the whole stack: its ports lie in one range, none is used twice, none leaves it."""

import pytest

from compose import health
from compose.config import haproxy, render, scrape, target_file
from compose.config.programs import service_environment
from compose.containers.containers import Containers
from compose.containers.swarm import Swarm
from compose.settings import MOST_SHOPS, SHOPS, InvalidSettings, from_environment
from compose.stack import StackError
from compose.topology import INVENTORIES, PORT_SPAN, PORT_SPAN_OF_MORE_SHOPS, build


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


@pytest.mark.parametrize("workers", ["1", "8"])
@pytest.mark.parametrize("shops", range(1, MOST_SHOPS + 1))
def test_however_many_shops_each_has_ports_of_its_own_and_nobody_elses_move(shops, workers):
    usual = build(settings(STORMDRILL_WORKERS=workers))
    stack = build(settings(STORMDRILL_SHOPS=str(shops), STORMDRILL_WORKERS=workers))
    ports = [port for program in stack.programs for port in (*program.ports, *program.metrics_ports)]
    ports += [proxy.listen for proxy in stack.proxies]
    assert len(ports) == len(set(ports)) == len(stack.all_ports())
    span = PORT_SPAN if shops <= SHOPS else PORT_SPAN_OF_MORE_SHOPS
    assert all(18000 <= port < 18000 + span for port in ports)
    both = {program.name for program in stack.programs} & {program.name for program in usual.programs}
    assert [one for one in stack.programs if one.name in both] == [one for one in usual.programs if one.name in both]
    names = {proxy.name: proxy for proxy in usual.proxies}
    assert all(proxy == names.get(proxy.name, proxy) for proxy in stack.proxies)


@pytest.mark.parametrize("shops", [1, 2, 5, MOST_SHOPS])
def test_every_part_of_the_stack_knows_every_shop(shops):
    chosen = settings(STORMDRILL_SHOPS=str(shops))
    stack, names = build(chosen), {f"shop-{number}" for number in range(1, shops + 1)}
    balancer = render.haproxy_cfg(chosen, stack)
    for name in (f"shop-{number}" for number in range(1, MOST_SHOPS + 1)):
        servers = [line.split()[1] for line in balancer.splitlines() if line.strip().startswith("server ")]
        assert (name in servers) == (f"{haproxy.PANIC}{name}" in servers) == (name in names)
    (shop_job,) = [job for job in scrape.jobs(stack) if job.name == "shop"]
    assert {target.instance for target in shop_job.targets} == names
    described = target_file.describe(chosen, stack, "native", {})
    assert {name for name, one in described["instances"].items() if one["role"] == "shop"} == names
    assert {link for link in stack.links() if link.startswith("inventory/shop-")} == {
        f"inventory/{one}" for one in names
    }
    assert {link for link in stack.links() if link.startswith("postgres/shop-")} == {f"postgres/{one}" for one in names}


def test_another_number_of_shops_is_another_stack_and_the_usual_number_is_none():
    assert settings(STORMDRILL_SHOPS="5").fingerprint() != settings().fingerprint()
    assert settings(STORMDRILL_SHOPS="3").fingerprint() == settings().fingerprint()


@pytest.mark.parametrize(("up", "well"), [(4 + INVENTORIES, False), (5 + INVENTORIES, True)])
def test_the_load_balancer_is_well_once_it_sends_every_shop_requests(up, well, monkeypatch):
    stack = build(settings(STORMDRILL_SHOPS="5"))
    monkeypatch.setattr(health, "_servers_up", lambda _: ["up"] * up)
    assert (health.haproxy(stack).failure() is None) == well


@pytest.mark.parametrize("runtime", [Containers, Swarm])
def test_containers_refuse_another_number_of_shops_before_anything_is_touched(runtime):
    with pytest.raises(StackError, match="STORMDRILL_SHOPS: 5"):
        runtime(settings(STORMDRILL_SHOPS="5")).notices()


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
        ("STORMDRILL_SHOPS", "0"),
        ("STORMDRILL_SHOPS", "9"),
        ("STORMDRILL_STATE", "/" + "long/" * 20),
    ],
)
def test_what_cannot_be_used_is_named(name, value):
    with pytest.raises(InvalidSettings, match=name):
        settings(**{name: value})
