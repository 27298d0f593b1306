"""The users: what they ask for and how often, each request and each order recorded.

Mix: 70 % read a product, 15 % place an order, 15 % read an order of their own (a product until they have one;
with 2.5 s between a user's requests half of the users have one after 12 s). No request carries a `traceparent`:
the shop makes the root span.
"""

import itertools
import random
import time
import uuid
from collections import deque
from collections.abc import Mapping

import gevent  # type: ignore[import-untyped]  # it ships none
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.url import URL
from locust import FastHttpUser, task
from locust.env import Environment
from locust.exception import StopUser

from chaos.load.answer import TIMED_OUT, UNFINISHED, Answer, answer_of, order_id
from chaos.load.facts import Json, LoadFacts
from chaos.load.ledger import means_acknowledged, means_refused
from chaos.load.mix import PLACE_ORDER, POPULARITY, READ_ORDER, READ_PRODUCT, SKUS
from chaos.load.pacing import Slots
from chaos.load.settings import LoadSettings


class LoadEnvironment(Environment):
    """Locust's environment, and what our users need."""

    def __init__(self, base_url: str, settings: LoadSettings, facts: LoadFacts) -> None:
        super().__init__(user_classes=[ShopUser], host=base_url, stop_timeout=settings.drain.total_seconds())
        self.settings = settings
        self.facts = facts
        self.began = time.monotonic()
        # Set once the load is to end. Locust kills a user that waits, and one that wakes up just then would be killed
        # in its next request.
        self.ending = False
        self._user_numbers = itertools.count()

    def slots(self) -> Slots:
        """For the next user: shifted by its number, so that arrivals are spread evenly from the first second."""
        shift_seconds = next(self._user_numbers) / self.settings.rate_per_second
        return Slots(self.began + shift_seconds, self.settings.user_interval_seconds)


class OneAttempt(HTTPClientPool):
    """Connections of one user, kept alive, that never repeat a request by themselves.

    geventhttpclient sends a GET again, up to size + 1 times, when the connection closes without an answer.
    That would hide from the user's side just the failures we are here to count.
    """

    def get_client(self, url: str | URL) -> HTTPClient:
        client = super().get_client(url)
        client._connection_pool.size = -1  # from here on it is read for the number of attempts only
        return client


class ShopUser(FastHttpUser):
    """A customer who comes back every `pacing`."""

    environment: LoadEnvironment

    def __init__(self, environment: LoadEnvironment) -> None:
        self.host = environment.host
        self._timeout_seconds = environment.settings.timeout.total_seconds()
        self.client_pool = OneAttempt(
            concurrency=10, connection_timeout=self._timeout_seconds, network_timeout=self._timeout_seconds
        )
        super().__init__(environment)
        self._facts = environment.facts
        self._slots = environment.slots()
        self._orders: deque[str] = deque(maxlen=20)

    def on_start(self) -> None:
        # For its first slot; unlike a bare sleep it ends at once when the load is stopped.
        self.wait()  # type: ignore[no-untyped-call]  # Locust leaves it untyped

    def wait_time(self) -> float:
        return self._slots.wait_seconds(time.monotonic())

    def _go_on(self) -> None:
        if self.environment.ending:
            raise StopUser

    @task(READ_PRODUCT)
    def read_product(self) -> None:
        [sku] = random.choices(SKUS, cum_weights=POPULARITY)
        self._send("GET", f"/products/{sku}", "GET /products/{sku}")

    @task(PLACE_ORDER)
    def place_order(self) -> None:
        self._go_on()  # before the ledger says that an order was sent
        # Any product alike: the popular ones would sell out, and a rightly refused order would look like a failure.
        key, sku, quantity = str(uuid.uuid4()), random.choice(SKUS), 1
        self._facts.order_sent(key, sku, quantity)
        headers = {"Idempotency-Key": key}
        answer = self._send("POST", "/orders", "POST /orders", headers, {"sku": sku, "quantity": quantity})
        if means_acknowledged(answer.status):
            placed = order_id(answer.body)
            self._facts.order_acknowledged(key, placed)
            if placed is not None:
                self._orders.append(placed)
        elif means_refused(answer.status):
            self._facts.order_refused(key)
        # Everything else leaves the order unknown: in the ledger it stays "sent".

    @task(READ_ORDER)
    def read_order(self) -> None:
        if not self._orders:
            self.read_product()
            return
        self._send("GET", f"/orders/{random.choice(self._orders)}", "GET /orders/{id}")

    def _send(
        self,
        method: str,
        path: str,
        name: str,
        headers: dict[str, str] | None = None,
        body: Mapping[str, Json] | None = None,
    ) -> Answer:
        self._go_on()
        began = time.monotonic()
        self._facts.request_started()
        answer = UNFINISHED  # stands if this greenlet is killed at the end of the load
        try:
            # The sockets' own time-outs count each read anew: a server that drips bytes would hold the user up.
            with gevent.Timeout(self._timeout_seconds, False):
                answer = self._exchange(method, path, name, headers, body)
            if answer is UNFINISHED:
                answer = TIMED_OUT
        finally:
            self._facts.request(began, name, answer.status, answer.error, answer.served_by)
        return answer

    def _exchange(
        self, method: str, path: str, name: str, headers: dict[str, str] | None, body: Mapping[str, Json] | None
    ) -> Answer:
        with self.client.request(
            method, path, name, catch_response=True, headers=headers, json=body, allow_redirects=False
        ) as response:
            return answer_of(response)
