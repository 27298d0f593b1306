"""What the users of the bench ask, as bytes; drawn anew for each round and the same for each variant in it."""

import itertools
import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from chaos.spec.mix import PLACE_ORDER, POPULARITY, READ_ORDER, READ_PRODUCT, SKUS

_numbers = itertools.count(1)
_DEFAULT, _ALL = "default sampling", "all traces kept"


@dataclass(frozen=True, slots=True)
class Traffic:
    """One kind of requests."""

    name: str
    requests: int
    """In a round, to each variant. All spans of a round fit the queue of those that wait to be sent."""
    make: Callable[[random.Random, "Shop"], bytes]
    most: dict[str, float]
    """Most times the CPU of nothing observed, by the variant's name."""
    l1: bool = True
    """Whether the worker keeps entries in memory."""

    def round(self, seed: int, shop: "Shop") -> list[bytes]:
        """The requests of one round."""
        chance = random.Random(seed)
        return [self.make(chance, shop) for _ in range(self.requests)]


@dataclass(frozen=True, slots=True)
class Shop:
    """What a request may be about."""

    orders: tuple[str, ...]
    """Ids of orders that were placed before."""


def place_orders(url: str, number: int = 20) -> Shop:
    """Place a few orders, to be looked at later."""
    with httpx.Client(base_url=url, timeout=10) as client:

        def placed(sku: str) -> str:
            headers = {"idempotency-key": f"bench-{uuid.uuid4()}"}
            answer = client.post("/orders", json={"sku": sku, "quantity": 1}, headers=headers)
            return str(answer.raise_for_status().json()["id"])

        return Shop(tuple(placed(sku) for sku in SKUS[:number]))


def _request(method: str, path: str, *more: str, body: bytes = b"") -> bytes:
    # What HAProxy passes on of a browser's request, and what it adds.
    lines = (
        f"{method} {path} HTTP/1.1",
        "host: shop.example.com",
        "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "accept: application/json",
        "accept-encoding: gzip, deflate, br",
        "accept-language: en",
        f"x-request-id: 7F000001:{next(_numbers):08X}",
        "x-forwarded-for: 127.0.0.1",
        *more,
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def _held(_chance: random.Random, _shop: Shop) -> bytes:
    return _request("GET", f"/products/{SKUS[0]}")


def _page(_chance: random.Random, _shop: Shop) -> bytes:
    return _request("GET", "/products?limit=20")


def _order(chance: random.Random, _shop: Shop) -> bytes:
    body = json.dumps({"sku": chance.choice(SKUS), "quantity": 1}).encode()
    headers = (f"idempotency-key: {uuid.uuid4()}", "content-type: application/json", f"content-length: {len(body)}")
    return _request("POST", "/orders", *headers, body=body)


def _mixed(chance: random.Random, shop: Shop) -> bytes:
    kinds, weights = ("product", "place", "read"), (READ_PRODUCT, PLACE_ORDER, READ_ORDER)
    kind = chance.choices(kinds, weights)[0]
    if kind == "place":
        return _order(chance, shop)
    if kind == "read":
        return _request("GET", f"/orders/{chance.choice(shop.orders)}")
    return _request("GET", f"/products/{chance.choices(SKUS, cum_weights=POPULARITY)[0]}")


KINDS = (
    Traffic("hit in memory", 1500, _held, {_DEFAULT: 1.5, _ALL: 2.0}),
    Traffic("hit in Redis", 400, _held, {}, l1=False),
    Traffic("page", 500, _page, {}),
    Traffic("order", 50, _order, {}),
    Traffic("mix of the drill", 160, _mixed, {_DEFAULT: 1.25, _ALL: 1.6}),
)
