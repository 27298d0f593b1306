"""HTTP clients that are made in no time: most of the 60 ms that one takes is for reading the system's certificates."""

import functools
import ssl

import httpx


def get(url: str, timeout_seconds: float) -> httpx.Response:
    """Ask once, on a connection of its own: by the next question the server may be another. Raises httpx.HTTPError."""
    return _client().get(url, timeout=timeout_seconds)


@functools.cache
def certificates() -> ssl.SSLContext:
    """What httpx verifies servers by, for clients to share: `verify=`."""
    return httpx.create_ssl_context()


@functools.cache
def _client() -> httpx.Client:
    return httpx.Client(verify=certificates(), trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
