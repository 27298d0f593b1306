"""Faults for tests, through the stack's own Toxiproxy; each is gone when its block is left."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from uuid import uuid4

import httpx

from tests.ports import free_port


@contextmanager
def toxic(stack, proxy: str, kind: str, **attributes: int) -> Iterator[None]:
    """Poison a proxy's answers: `toxic(stack, "postgres-shop-1", "latency", latency=300)` (milliseconds)."""
    toxics = f"{stack.url('toxiproxy')}/proxies/{proxy}/toxics"
    name = f"test-{uuid4()}"
    body = {"name": name, "type": kind, "stream": "downstream", "attributes": attributes}
    httpx.post(toxics, json=body).raise_for_status()
    try:
        yield
    finally:
        httpx.delete(f"{toxics}/{name}").raise_for_status()


@contextmanager
def each_toxic(stack, proxies: Iterable[str], kind: str, **attributes: int) -> Iterator[None]:
    """Poison the answers of several proxies."""
    with ExitStack() as open_:
        for proxy in proxies:
            open_.enter_context(toxic(stack, proxy, kind, **attributes))
        yield


@contextmanager
def proxied(stack, upstream_port: int) -> Iterator[tuple[str, int]]:
    """A proxy of the test's own in front of a port on loopback: its name and its port."""
    proxies = f"{stack.url('toxiproxy')}/proxies"
    name, port = f"test-{uuid4()}", free_port()
    body = {"name": name, "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{upstream_port}", "enabled": True}
    httpx.post(proxies, json=body).raise_for_status()
    try:
        yield name, port
    finally:
        httpx.delete(f"{proxies}/{name}").raise_for_status()


@contextmanager
def down(stack, proxy: str) -> Iterator[None]:
    """Refuse connections to a proxy, and cut those it has."""
    url = f"{stack.url('toxiproxy')}/proxies/{proxy}"
    httpx.post(url, json={"enabled": False}).raise_for_status()
    try:
        yield
    finally:
        httpx.post(url, json={"enabled": True}).raise_for_status()
