"""The users: what they ask for and how often (see mix.py), each request, order and session recorded.

A guest reads a product until there is an order of their own to read; with 2.5 s between a user's requests half of
them have one after 12 s. No request carries a `traceparent`: the shop makes the root span.
"""

import itertools
import json
import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import gevent  # type: ignore[import-untyped]  # it ships none
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.url import URL
from locust import FastHttpUser, TaskSet
from locust.env import Environment
from locust.exception import StopUser

from chaos.facts.ledger import means_acknowledged, means_refused
from chaos.load.answer import TIMED_OUT, UNFINISHED, Answer
from chaos.load.body import order_id
from chaos.load.fast_http import answer_of
from chaos.load.member import Member
from chaos.load.pacing import Slots
from chaos.load.writer import Json, LoadFacts
from chaos.spec.load import LoadSettings
from chaos.spec.mix import (
    MEMBER_EVERY,
    MEMBER_READS_PRODUCT,
    MEMBER_USES_SESSION,
    PLACE_ORDER,
    POPULARITY,
    READ_ORDER,
    READ_PRODUCT,
    SKUS,
)


class LoadEnvironment(Environment):
    """Locust's environment, and what our users need."""

    def __init__(self, base_url: str, settings: LoadSettings, facts: LoadFacts, users: "type[PacedUser]") -> None:
        super().__init__(user_classes=[users], host=base_url, stop_timeout=settings.drain.total_seconds())
        self.settings = settings
        self.facts = facts
        self.began = time.monotonic()
        # Set once the load is to end. Locust kills a user that waits, and one that wakes up just then would be killed
        # in its next request.
        self.ending = False
        self._user_numbers = itertools.count()

    def next_number(self) -> int:
        """A new user's number, from 0."""
        return next(self._user_numbers)

    def slots(self, number: int) -> Slots:
        """Of one user: shifted by its number, so that arrivals are spread evenly from the first second."""
        shift_seconds = number / self.settings.rate_per_second
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


class PacedUser(FastHttpUser):
    """One who comes back every `pacing`; each request is recorded."""

    abstract = True

    environment: LoadEnvironment

    def __init__(self, environment: LoadEnvironment) -> None:
        self.host = environment.host
        self._timeout_seconds = environment.settings.timeout.total_seconds()
        self.client_pool = OneAttempt(
            concurrency=10, connection_timeout=self._timeout_seconds, network_timeout=self._timeout_seconds
        )
        super().__init__(environment)
        # Which answers are as they should be is ours to say: of others Locust would decode the body for its log.
        self.client.client.valid_response_codes = frozenset(range(100, 600))  # type: ignore[misc]  # it reads it of the instance
        self._facts = environment.facts
        self._number = environment.next_number()
        self._slots = environment.slots(self._number)
        # Cookies go with what they are meant for and nothing else.
        self.client.cookiejar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def on_start(self) -> None:
        # For its first slot; unlike a bare sleep it ends at once when the load is stopped.
        self.wait()  # type: ignore[no-untyped-call]  # Locust leaves it untyped

    def wait_time(self) -> float:
        return self._slots.wait_seconds(time.monotonic())

    def _go_on(self) -> None:
        if self.environment.ending:
            raise StopUser

    def _timed(self, name: str, exchange: Callable[[], Answer]) -> Answer:
        self._go_on()
        began = time.monotonic()
        self._facts.request_started()
        answer = UNFINISHED  # stands if this greenlet is killed at the end of the load
        try:
            # The sockets' own time-outs count each read anew: a server that drips bytes would hold the user up.
            with gevent.Timeout(self._timeout_seconds, False):
                answer = exchange()
            if answer is UNFINISHED:
                answer = TIMED_OUT
        finally:
            self._facts.request(began, name, answer.status, answer.error, answer.served_by)
        return answer

    def _exchange(
        self,
        method: str,
        path: str,
        name: str,
        headers: dict[str, str] | None,
        body: bytes | None,
    ) -> Answer:
        data: Any = body  # Locust says text, and sends bytes as they are
        with self.client.request(
            method, path, name, catch_response=True, headers=headers, data=data, allow_redirects=False
        ) as response:
            return answer_of(response)


class ShopUser(PacedUser):
    """A customer of the shop, a guest or a member."""

    def __init__(self, environment: LoadEnvironment) -> None:
        super().__init__(environment)
        self._member = Member(self._send, environment.facts)
        self._orders: deque[tuple[str, str]] = deque(maxlen=20)  # key and id
        # Locust draws one of these each time.
        self.tasks = self._as_member() if self._number % MEMBER_EVERY == 0 else self._as_guest()

    def _send(
        self,
        method: str,
        path: str,
        name: str,
        headers: dict[str, str] | None = None,
        body: Mapping[str, Json] | None = None,
    ) -> Answer:
        if body is not None:
            headers = {"Content-Type": "application/json", "Accept": "application/json"} | (headers or {})
        sent = None if body is None else json.dumps(body).encode()
        return self._timed(name, lambda: self._exchange(method, path, name, headers, sent))

    def _as_guest(self) -> list[TaskSet | Callable[..., Any]]:
        tasks = [(ShopUser.read_product, READ_PRODUCT), (ShopUser.place_order, PLACE_ORDER)]
        return [task for task, weight in (*tasks, (ShopUser.read_order, READ_ORDER)) for _ in range(weight)]

    def _as_member(self) -> list[TaskSet | Callable[..., Any]]:
        tasks = ((ShopUser.read_product, MEMBER_READS_PRODUCT), (ShopUser.use_session, MEMBER_USES_SESSION))
        return [task for task, weight in tasks for _ in range(weight)]

    def read_product(self) -> None:
        [sku] = random.choices(SKUS, cum_weights=POPULARITY)
        self._send("GET", f"/products/{sku}", "GET /products/{sku}")

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
                self._orders.append((key, placed))
        elif means_refused(answer.status):
            self._facts.order_refused(key)
        # Everything else leaves the order unknown: in the ledger it stays "sent".

    def read_order(self) -> None:
        if not self._orders:
            self.read_product()
            return
        key, placed = random.choice(self._orders)
        answer = self._send("GET", f"/orders/{placed}", "GET /orders/{id}")
        if answer.status in (200, 404):
            self._facts.order_read(key, shown=answer.status == 200)

    def use_session(self) -> None:
        self._go_on()  # before the ledger says that something was sent
        self._member.use()
