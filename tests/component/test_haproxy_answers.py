"""What HAProxy says on its own account looks as if a service had said it."""

import socket
import subprocess

import pytest

from compose.config import haproxy
from compose.tools import find
from services.kit.problems import ProblemBody, title
from tests.component.balancer import balanced
from tests.component.instances import Instance
from tests.waiting import until


@pytest.fixture
def shop():
    return Instance("shop-1")


def problem(response, status, kind):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert ProblemBody.model_validate_json(response.content) == ProblemBody(
        type=f"urn:stormdrill:problem:{kind}",
        title=title(status),
        status=status,
        detail=response.json()["detail"],
        trace_id=None,
    )
    # Of a response that is not about an invalid request.
    assert response.json().keys() == ProblemBody.model_fields.keys() - {"errors"}


def test_no_instance_is_503_with_retry_after(tmp_path, shop):
    shop.ready = False
    with balanced(tmp_path, shop) as balancer:
        until(balancer.down)
        response = balancer.get()
        problem(response, 503, "service-unavailable")
        assert response.headers["retry-after"] == "1"
        assert "x-served-by" not in response.headers


def test_an_answer_broken_off_is_502(tmp_path, shop):
    shop.hangs_up = True
    with balanced(tmp_path, shop, SHOP_HEALTH_CHECKS="off") as balancer:
        problem(balancer.client.post("/sessions"), 502, "bad-gateway")


def test_an_answer_that_does_not_come_is_504(tmp_path, shop):
    shop.seconds = 6
    with balanced(tmp_path, shop) as balancer:
        problem(balancer.get(), 504, "gateway-timeout")


@pytest.mark.parametrize(
    "path", ["/backoffice", "/backoffice/products/sku-0001", "/%62ackoffice/x", "/backoffice?x", "/backoff%69ce/x"]
)
def test_the_backoffice_is_not_for_users(tmp_path, shop, path):
    with balanced(tmp_path, shop) as balancer:
        problem(balancer.get(path), 404, "not-found")
        problem(balancer.client.put(path), 404, "not-found")
        assert not shop.requests


def test_every_status_it_can_answer_with_is_a_problem():
    for status, body in haproxy.problems().items():
        read = ProblemBody.model_validate_json(body)
        assert (read.status, read.title) == (status, title(status))
        assert "'" not in body, "it is quoted by them in HAProxy's file"


def test_what_cannot_be_parsed_is_refused_in_haproxys_own_form(tmp_path, shop):
    """A limit of HAProxy 2.6 (its issue 3032): this shows when it is gone."""
    with balanced(tmp_path, shop) as balancer:
        port = int(balancer.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nno header\r\n\r\n")
            answer = client.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400 Bad request\r\n")
    assert b"problem+json" not in answer


@pytest.mark.parametrize(
    "switch", ["HEALTH_CHECKS", "OUTLIER_DETECTION", "LB_RETRIES", "QUEUE_LIMITS", "SLOW_START", "HTTP_CACHE", "DRAIN"]
)
def test_haproxy_takes_the_file_with_each_mechanism_off_without_a_warning(tmp_path, shop, switch):
    with balanced(tmp_path, shop, **{f"SHOP_{switch}": "off"}):
        pass
    command = (find().path("haproxy"), "-c", "-f", tmp_path / "haproxy.cfg")
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    assert "WARNING" not in done.stderr
