"""What the containers are told: unprivileged, bounded, on loopback only, and the same commands as natively."""

import re

import pytest
import yaml

from compose.config import programs, render
from compose.containers import container_spec
from compose.containers.container_spec import containers, document, published
from compose.containers.containers import COMPOSE_FILE
from compose.containers.images import NAMES, images
from compose.settings import ROOT, from_environment
from compose.topology import OUTSIDE, build

SETTINGS = from_environment({"STORMDRILL_STATE": "/var/tmp/x"})
USER = "1000:1000"


@pytest.fixture(scope="module")
def topology():
    return build(SETTINGS, apart=True)


@pytest.fixture(scope="module")
def generated(topology):
    return document(SETTINGS, topology, images("ours:1", "ways:1"), USER)["services"]


@pytest.fixture(scope="module")
def committed():
    return yaml.safe_load(COMPOSE_FILE.read_text())


def test_both_files_name_the_programs_of_the_topology(topology, generated, committed):
    names = {program.name for program in topology.programs if program.role not in OUTSIDE}
    assert set(generated) == set(committed["services"]) == names


def test_every_container_is_unprivileged_read_only_and_bounded(generated, committed):
    for name, service in committed["services"].items():
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["cpu_quota"] == service["cpu_period"], name
        assert service["mem_limit"], name
        assert service["pids_limit"] > 0, name
        assert generated[name]["user"] in (USER, "postgres"), name


def test_the_database_is_made_in_one_place_for_each_runtime(topology, generated):
    told = generated["postgres"]["environment"]
    whole = f"postgresql://{told['POSTGRES_USER']}@127.0.0.1:5432/{told['POSTGRES_DB']}?passfile=/var/tmp/x/secrets/"
    assert programs.postgres_dsn(topology, 5432).startswith(whole)
    makers = {file.name for file in (ROOT / "compose").rglob("*.py") if "CREATE DATABASE" in file.read_text()}
    assert makers == {"native.py"}, "the image's entry point makes it in containers"


def test_an_instance_of_many_workers_may_use_more_memory_and_others_not():
    many = from_environment({"STORMDRILL_STATE": "/var/tmp/x", "STORMDRILL_WORKERS": "8"})
    told = document(many, build(many, apart=True), images("ours:1", "ways:1"), USER)["services"]
    limits = {name: service["mem_limit"] for name, service in told.items() if "mem_limit" in service}
    assert limits == dict.fromkeys(("shop-1", "shop-2", "shop-3", "inventory-1", "inventory-2"), "1024m")


def test_ports_are_published_on_loopback_only(generated):
    ports = [port for service in generated.values() for port in service["ports"]]
    assert ports
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in ports)


def test_what_this_machine_asks_is_published_and_the_cluster_bus_is_not(topology, generated):
    asked = {port for program in containers(topology) for port in published(program, topology)}
    assert {program.port for program in containers(topology)} <= asked
    assert {proxy.listen for proxy in topology.proxies} <= asked
    assert not {node.ports[1] for node in topology.of_role("redis")} & asked


def test_official_images_are_pinned(committed):
    references = {service["image"] for service in committed["services"].values() if "image" in service}
    assert references
    assert all(re.fullmatch(r"[\w/-]+:v?\d+(\.\d+)+", each) or each == "postgres:17" for each in references)
    # By its plain name only: no registry's address.
    assert not [each for each in references if "." in each.partition(":")[0]]


def test_who_needs_whom_shares_a_network(topology, committed):
    networks = {name: set(service["networks"]) for name, service in committed["services"].items()}
    for one, other in (
        ("haproxy", "shop-1"),
        ("haproxy", "inventory-1"),
        ("shop-1", "toxiproxy"),
        ("inventory-1", "toxiproxy"),
        ("toxiproxy", "haproxy"),
        ("toxiproxy", "postgres"),
        ("toxiproxy", "redis-1"),
        ("toxiproxy", "pager"),
        ("toxiproxy", "jaeger"),
        ("toxiproxy", "postgres-exporter"),
        ("alertmanager", "toxiproxy"),
        ("alertmanager", "pager"),
        ("prometheus", "alertmanager"),
        ("redis-exporter", "redis-1"),
        ("postgres-exporter", "postgres"),
    ):
        assert networks[one] & networks[other], (one, other)
    for scraped in topology.programs:
        if scraped.role not in ("postgres", "redis", *OUTSIDE):
            assert networks["prometheus"] & networks[scraped.name], scraped.name
    assert not networks["postgres"] & {"front"}
    assert not networks["shop-1"] & networks["postgres"] - {"back"}


def test_commands_are_the_native_ones_at_other_addresses(topology, generated):
    native = {each.name: each for each in programs.launches(SETTINGS, build(SETTINGS), NAMES)}
    for name in ("prometheus", "alertmanager", "shop-1", "pager"):
        listen = f"0.0.0.0|{name}-admin"
        here = [re.sub(listen, "127.0.0.1", word) for word in generated[name]["command"]]
        assert here == list(native[name].argv[1:]), name


def test_configuration_is_mounted_and_never_copied(generated):
    config = str(SETTINGS.state / "config")
    for name, service in generated.items():
        assert f"{config}:{config}:ro" in service["volumes"], name


def test_programs_find_each_other_by_name(topology):
    assert topology.at(topology.one("pager").port) == f"pager:{topology.one('pager').port}"
    assert topology.host(topology.proxy("postgres-shop-1").listen) == "toxiproxy"
    assert topology.host(topology.inventory_front) == "haproxy"
    assert topology.host(topology.one("watchdog").port) == "host.docker.internal"
    assert topology.from_outside().at(topology.one("pager").port).startswith("127.0.0.1:")


def test_a_node_announces_its_bus_through_toxiproxy(topology):
    (first, *_) = topology.of_role("redis")
    assert topology.host(topology.bus_port(first)) == "toxiproxy"
    assert build(SETTINGS).bus_port(first) == first.ports[1]
    # No link has it, so that no fault cuts a cluster's own talk by accident.
    assert not [proxies for proxies in topology.links().values() if "bus-redis-1" in proxies]


def test_what_compose_would_expand_is_escaped(generated):
    command = "".join(generated["redis-1"]["entrypoint"])
    assert "$$0" in command
    assert not re.search(r"(?<!\$)\$(?!\$)", command.replace("$$", ""))


def test_the_balancer_keeps_the_address_of_a_server_whose_name_is_gone(topology):
    text = render.haproxy_cfg(SETTINGS, topology)
    assert "server shop-2 shop-2:" in text
    assert re.search(r"^\s+hold nx 1h$", text, re.MULTILINE)
    assert "resolvers" not in render.haproxy_cfg(SETTINGS, build(SETTINGS))


def test_labels_say_whose_it_is(topology):
    whole = document(SETTINGS, topology, images("ours:1", "ways:1"), USER)
    for part in ("services", "networks", "volumes"):
        for each in whole[part].values():
            assert each["labels"] == {container_spec.STACK_LABEL: str(SETTINGS.state)}


def test_each_is_told_its_own_password_and_no_other(topology):
    told = document(SETTINGS, topology, images("ours:1", "ways:1"), USER)
    named = {name: {each["source"] for each in one.get("secrets", ())} for name, one in told["services"].items()}
    wanted = {one.name: {f"postgres-{one.role}"} for one in topology.programs if one.role in ("shop", "inventory")}
    wanted |= {one.name: {"postgres-shop", "redis-shop"} for one in topology.of_role("shop")}
    wanted |= {one.name: {"redis.conf"} for one in topology.of_role("redis")}
    wanted |= {"postgres-exporter": {"postgres-exporter"}, "redis-exporter": {"redis-passwords.json"}}
    assert {name: of for name, of in named.items() if of} == wanted
    files = set().union(*wanted.values())
    assert told["secrets"] == {name: {"file": f"/var/tmp/x/secrets/{name}"} for name in files}
    for name in named:
        mounts = told["services"][name]["volumes"]
        assert not [mount for mount in mounts if "/secrets" in mount or mount.startswith("/var/tmp/x:")], name


def test_what_administers_listens_on_no_network_of_a_service(topology, generated, committed):
    networks = {name: set(service["networks"]) for name, service in committed["services"].items()}
    services = {one.name for one in topology.programs if one.role in ("shop", "inventory")}
    theirs = set().union(*(networks[name] for name in services))
    for name in ("alertmanager", "pager", "jaeger", "grafana"):
        assert not networks[name] & theirs, name
    for name in ("prometheus", "toxiproxy"):
        assert networks[name] & theirs, "it scrapes the services, or carries what they ask"
        alias = f"{name}-admin"
        assert committed["services"][name]["networks"]["admin"] == {"aliases": [alias]}
        assert "admin" not in theirs
        # Docker publishes at the address on the network whose name comes first.
        assert min(networks[name]) == "admin"
        assert any(alias in word for word in generated[name]["command"]), name
