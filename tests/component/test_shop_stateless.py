"""Nothing about a user lives in an instance: any may answer, and any may be replaced."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import cycle
from uuid import uuid4

import httpx
import pytest

from compose.native.supervisor import Supervisor
from tests.component.shop_calls import kind, open_session, patient
from tests.instances import READY_WITHIN_SECONDS, own_instance
from tests.waiting import until

pytestmark = pytest.mark.stack

SHOPS = ("shop-1", "shop-2", "shop-3")


def ready(client):
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


class Everywhere:
    """One user's client, each request to the next instance that is ready, as behind a load balancer."""

    def __init__(self, stack, exit_stack):
        urls = {name: stack.instance_url(name) for name in SHOPS}
        # A connection each request, as an instance that drains ends those it has.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._clients = {
            name: exit_stack.enter_context(httpx.Client(base_url=url, timeout=10, limits=limits))
            for name, url in urls.items()
        }
        self._turns = cycle(SHOPS)
        self.cookies = {}
        self.served = dict.fromkeys(SHOPS, 0)
        self.refused = []

    def send(self, method, path, **arguments):
        """The first answer that is none of a machine that is short of time; all here may be asked twice."""

        def answer():
            name = next(self._turns)
            client = self._clients[name]
            client.cookies = self.cookies
            if not ready(client):
                return None
            try:
                response = client.request(method, path, **arguments)
            except httpx.ConnectError:
                return None  # it was ready, and has closed its door since
            if response.status_code == 503:
                self.refused.append((method, path, name, response.text))
                return None
            self.served[name] += 1
            return response

        return until(answer)


@contextmanager
def restarted(stack, name):
    """Stop an instance, start it again once it is gone, and prove it ready, all beside what is done meanwhile."""
    supervisor = Supervisor(stack.settings.state / "supervisor.sock")

    def pid():
        return next(row.pid for row in supervisor.processes() if row.name == name)

    def restart():
        before = pid()
        try:
            supervisor.stop(name)
            until(lambda: not pid(), READY_WITHIN_SECONDS)
        finally:
            supervisor.start(name)
        with httpx.Client(base_url=stack.instance_url(name)) as client:
            until(lambda: ready(client), READY_WITHIN_SECONDS)
        return before != pid()

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(restart)


def test_one_users_requests_are_answered_right_by_every_instance_while_one_is_replaced(stack):
    with ExitStack() as exit_stack:
        user = Everywhere(stack, exit_stack)
        opened = user.send("POST", "/sessions")
        user.cookies = {"session": opened.cookies["session"]}
        cart, orders, after = {}, [], 0
        with restarted(stack, "shop-2") as replacing:
            # On until the new process has had its turns as well.
            while after < 6:
                number = len(orders)
                sku, quantity = f"sku-{number % 40 + 1:04d}", number % 9 + 1
                assert user.send("GET", "/sessions/me").json()["user_id"] == opened.json()["user_id"]
                assert user.send("PUT", f"/cart/items/{sku}", json={"quantity": quantity}).status_code == 200
                cart[sku] = quantity
                items = user.send("GET", "/cart").json()["items"]
                assert {item["sku"]: item["quantity"] for item in items} == cart
                key = {"idempotency-key": f"test-{uuid4()}"}
                placed = user.send("POST", "/orders", json={"sku": sku, "quantity": quantity}, headers=key)
                assert placed.status_code == 201, placed.text
                orders.insert(0, placed.json())
                page = user.send("GET", "/orders", params={"limit": 5}).json()["orders"]
                assert page == orders[:5]
                after += replacing.done()
            assert replacing.result()
        assert all(user.served.values()), user.served
        assert len(orders) >= 6
        assert len(user.refused) < 0.1 * sum(user.served.values()), user.refused


def test_a_session_kept_by_an_instance_is_unknown_to_the_others(stack):
    with own_instance(stack, SHOP_SHARED_SESSIONS="off") as mine, httpx.Client(base_url=mine.url) as client:
        open_session(client)
        client.put("/cart/items/sku-0001", json={"quantity": 2})
        assert client.get("/cart").json()["items"] == [{"sku": "sku-0001", "quantity": 2}]
        with patient(stack.instance_url("shop-1"), cookies=dict(client.cookies)) as other:
            assert kind(other.get("/cart")) == (401, "no-session")
