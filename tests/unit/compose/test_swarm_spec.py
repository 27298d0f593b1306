"""What a Swarm is told: replicas as bounded as containers, found by name, replaced one by one, published nowhere."""

import pytest
import yaml

from compose.config import render, scrape, target_file
from compose.containers import container_spec, swarm_spec
from compose.containers.container_spec import COMPOSE_FILE, STACK_LABEL
from compose.containers.images import images
from compose.settings import SHOPS, from_environment
from compose.topology import INVENTORIES, build

SETTINGS = from_environment({"STORMDRILL_STATE": "/var/tmp/x"})
USER = "1000:1000"
NETWORKS = {name: {"external": True, "name": f"x_{name}"} for name in container_spec.NETWORKS}
IMAGES = images("ours:1", "ways:1")


@pytest.fixture(scope="module")
def topology():
    return build(SETTINGS, frozenset({"grafana"}), apart=True, replicated=True)


@pytest.fixture(scope="module")
def services(topology):
    document = swarm_spec.document(SETTINGS, topology, IMAGES, USER, NETWORKS, "crowd:1")
    assert document["networks"] == NETWORKS
    return document["services"]


def test_shop_and_inventory_are_replicated_and_nothing_else(topology, services):
    replicas = {name: service["deploy"]["replicas"] for name, service in services.items()}
    assert replicas == {"shop": SHOPS, "inventory": INVENTORIES, "crowd": 0}
    compose = container_spec.document(SETTINGS, topology, IMAGES, USER, NETWORKS)
    assert not {"shop", "inventory"} & set(compose["services"])
    left = swarm_spec.left_to_swarm(topology)
    committed = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
    assert {*compose["services"], *left, "grafana"} == set(committed)
    assert all(service["profiles"] for service in left.values())


def test_a_replica_may_do_no_more_than_the_container_of_its_kind(services):
    allowed = yaml.safe_load(COMPOSE_FILE.read_text())["services"]["shop-1"]
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["user"] == USER
        limits = service["deploy"]["resources"]["limits"]
        assert limits == {"cpus": "1", "memory": allowed["mem_limit"], "pids": allowed["pids_limit"]}
        assert [(mount["type"], mount["target"]) for mount in service["volumes"]] == [("tmpfs", "/tmp")]
    assert services["shop"]["networks"] == allowed["networks"]
    assert services["crowd"]["networks"] == ["front"]


def test_no_replica_publishes_a_port_or_needs_a_virtual_address(services):
    for service in services.values():
        assert "ports" not in service
        assert service["deploy"]["endpoint_mode"] == "dnsrr"


def test_each_is_known_by_its_slot_and_belongs_to_the_stack(services):
    shop = services["shop"]
    assert shop["environment"]["SHOP_INSTANCE"] == "shop-{{.Task.Slot}}"
    assert shop["environment"]["SHOP_NAMES_ITSELF"] == "true"
    labels = {STACK_LABEL: str(SETTINGS.state), swarm_spec.SERVICE_LABEL: "shop"}
    assert shop["labels"] == shop["deploy"]["labels"] == labels


def test_updates_start_the_new_before_they_end_the_old(services):
    update = services["shop"]["deploy"]["update_config"]
    assert (update["order"], update["parallelism"], update["failure_action"]) == ("start-first", 1, "rollback")


def test_haproxy_and_prometheus_ask_for_every_replica(topology):
    haproxy = render.haproxy_cfg(SETTINGS, topology)
    shop = topology.one("shop")
    assert f"server-template shop- 20 tasks.shop:{shop.port}" in haproxy
    # By another name of the same service: HAProxy gives each address of a name to one server only.
    assert f"server-template panic-shop- 20 tasks.{SETTINGS.project}_shop:{shop.port} backup observe none" in haproxy
    assert "%[srv_name" not in haproxy
    (job,) = [job for job in scrape.jobs(topology) if job.name == "shop"]
    assert (job.targets, job.replicas) == ((), (scrape.Replicas("shop", shop.metrics_ports),))
    prometheus = yaml.safe_load(render.text("prometheus.yml", render._prometheus(SETTINGS, topology)))
    (job,) = [job for job in prometheus["scrape_configs"] if job["job_name"] == "shop"]
    assert [(each["names"], each["port"]) for each in job["dns_sd_configs"]] == [
        (["tasks.shop"], port) for port in shop.metrics_ports
    ]


def test_the_target_names_the_replicas_and_asks_none_of_them_directly(topology):
    target = target_file.describe(SETTINGS, topology, "swarm", {"type": "docker", "label": "a=b", "swarm": True})
    shops = [name for name, instance in target["instances"].items() if instance["role"] == "shop"]
    assert shops == [f"shop-{slot}" for slot in range(1, SHOPS + 1)]
    assert target["instances"]["shop-1"] == {"role": "shop", "serves_users": True}
    assert set(target["links"]) >= {"postgres", "postgres/shop", "inventory/shop"}


def test_a_replica_alone_reads_its_passwords(topology, services):
    for name, wanted in {"shop": ["postgres-shop", "redis-shop"], "inventory": ["postgres-inventory"]}.items():
        told = {"uid": "1000", "gid": "1000", "mode": 0o400}
        files = [{"source": each, "target": f"/var/tmp/x/secrets/{each}"} | told for each in wanted]
        assert services[name]["secrets"] == files
    secrets = swarm_spec.document(SETTINGS, topology, IMAGES, USER, NETWORKS, "crowd:1")["secrets"]
    assert secrets.keys() == {"postgres-inventory", "postgres-shop", "redis-shop"}
    assert all(each["labels"] == {STACK_LABEL: "/var/tmp/x"} for each in secrets.values())
