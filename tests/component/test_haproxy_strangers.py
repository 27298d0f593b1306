"""What a stranger may not say, and where requests go when outlier detection has ejected every instance."""

import socket
from collections import Counter

import pytest

from compose.config import render
from compose.config.haproxy import INTERNAL_HEADERS
from compose.settings import from_environment
from tests.component import stranger
from tests.component.balancer import balanced, eject_all, rapid, topology
from tests.component.instances import Instance
from tests.waiting import until

FORWARDED = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "x-forwarded-anything")


@pytest.fixture
def shops():
    return Instance("shop-1"), Instance("shop-2"), Instance("shop-3")


def said(*names):
    """Each of these headers in every spelling, each of them twice."""
    spelt = [way(name) for name in names for way in (str.lower, str.upper, str.title)]
    return [(name, "0") for name in spelt for _ in range(2)]


def test_what_services_tell_each_other_is_no_strangers_to_say(tmp_path):
    shop = Instance("shop-1")
    with balanced(tmp_path, shop) as balancer:
        underscored = [name.replace("-", "_") for name in (*INTERNAL_HEADERS, *FORWARDED)]
        strange = said(*INTERNAL_HEADERS, *FORWARDED)
        for part in (strange, [(name, "0") for name in (*underscored, "SCRIPT_NAME", "PATH_INFO", "REMOTE_USER")]):
            assert balancer.get(headers=[*part, ("X-Mine", "kept")]).status_code == 200
            received = shop.requests[-1]
            assert received.headers["x-mine"] == "kept"
            given = {name for name in received.names if name.startswith("x-")}
            assert given == {"x-mine", "x-request-id", "x-forwarded-for"}
            assert received.headers["x-forwarded-for"] == "127.0.0.1"
            assert len(received.headers["x-request-id"]) > 30
            assert Counter(received.names).most_common(1)[0][1] == 1, "one is there twice"
            assert not {*INTERNAL_HEADERS} - {"x-request-id"} & {*received.names}
            assert not [name for name in received.names if "_" in name]


def test_between_services_they_stay(tmp_path):
    """Inventory's frontend is for our services only."""
    text = render.haproxy_cfg(from_environment({"STORMDRILL_STATE": str(tmp_path)}), topology([1], 2, 3, 4))
    inventory = text.partition("frontend inventory")[2].partition("frontend metrics")[0]
    assert "del-header" not in inventory


def test_the_backoffice_is_not_for_users_whose_path_cannot_be_decoded(tmp_path):
    shop = Instance("shop-1")
    with balanced(tmp_path, shop) as balancer:
        at = "127.0.0.1", int(balancer.url.rpartition(":")[2])
        answers = {}
        for sent in stranger.backoffice():
            with socket.create_connection(at, timeout=5) as client, client.makefile("rb") as answer:
                client.sendall(sent.raw)
                answers[sent.name] = answer.read()
        assert not shop.requests
        refused = {name: int(answer[9:12]) for name, answer in answers.items()}
        # By its name, or as what no service is to make sense of.
        assert refused == {name: 400 if name.startswith("/%") else 404 for name in refused}
        assert all(b"application/problem+json" in answer for answer in answers.values())
        # What has no path is for the shop to answer, as it was.
        assert balancer.client.options("/", extensions={"target": b"*"}).status_code == 200


def test_when_the_last_is_ejected_each_instance_whose_own_check_passes_gets_requests(tmp_path, shops):
    with balanced(tmp_path, *shops) as balancer, rapid(balancer) as ask:
        shops[2].ready = False
        # Each of its two servers has checks of its own.
        until(lambda: not any(balancer.up(server) for server in ("shop-3", "panic-shop-3")))
        shops[2].requests.clear()
        answers = eject_all(balancer, shops[:2], ask) + ask(90)
        # Each answer is an instance's own, which HAProxy's 503 is not.
        assert Counter(served_by for _, served_by in answers).keys() == {"shop-1", "shop-2"}
        assert not shops[2].requests
        assert not balancer.down()
        for shop in shops:
            shop.status = 200
        assert {status for status, _ in ask(30)} == {200}


def test_without_outlier_detection_there_is_nothing_to_panic_about(tmp_path, shops):
    with balanced(tmp_path, *shops, SHOP_OUTLIER_DETECTION="off") as balancer:
        assert "panic-" not in balancer.client.get(balancer.metrics_url).text
