"""The drill's mix of requests, sent to one worker at an even rate, the same plan to each variant."""

import http.client
import itertools
import json
import random
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass
from urllib.parse import urlsplit

from chaos.spec.mix import PLACE_ORDER, POPULARITY, READ_ORDER, READ_PRODUCT, SKUS

_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Planned:
    """One request of the plan."""

    kind: str
    sku: str


def plan(seed: int, requests: int) -> list[Planned]:
    """The mix of the drill's load, drawn anew for each seed."""
    chance = random.Random(seed)
    kinds = chance.choices(("product", "place", "order"), (READ_PRODUCT, PLACE_ORDER, READ_ORDER), k=requests)
    return [
        Planned(kind, chance.choice(SKUS) if kind == "place" else chance.choices(SKUS, cum_weights=POPULARITY)[0])
        for kind in kinds
    ]


class Users:
    """Those who ask one worker; they know the orders they have placed there."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._orders: deque[str] = deque(maxlen=20)
        self.failures: list[str] = []

    def send(self, requests: list[Planned], per_second: float) -> None:
        """Send them all, one after the other, each in a slot of its own."""
        numbered, taking = iter(enumerate(requests)), threading.Lock()
        began = time.monotonic()

        def take_turns() -> None:
            connection = http.client.HTTPConnection(self._address, timeout=5)
            while True:
                with taking:
                    number, request = next(numbered, (0, None))
                if request is None:
                    return connection.close()
                time.sleep(max(0.0, began + number / per_second - time.monotonic()))
                self._send(connection, request)

        threads = [threading.Thread(target=take_turns) for _ in range(_CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _send(self, connection: http.client.HTTPConnection, request: Planned) -> None:
        # As HAProxy would.
        headers = {"X-Request-ID": f"7F000001:{next(_numbers):08X}", "X-Forwarded-For": "127.0.0.1"}
        method, path, body = "GET", f"/products/{request.sku}", None
        if request.kind == "order" and self._orders:
            path = f"/orders/{random.choice(self._orders)}"
        elif request.kind == "place":
            method, path = "POST", "/orders"
            headers |= {"Idempotency-Key": str(uuid.uuid4()), "Content-Type": "application/json"}
            body = json.dumps({"sku": request.sku, "quantity": 1})
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        content = response.read()
        if response.status == 201:
            self._orders.append(json.loads(content)["id"])
        elif response.status != 200:
            self.failures.append(f"{method} {path}: {response.status} {content[:200]!r}")


_numbers = itertools.count(1)
