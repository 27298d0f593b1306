"""The one way to ask over HTTP: once, or an API for JSON, with a deadline on every call.

Clients share what they verify servers by: most of the 60 ms that making one takes is for reading certificates.
"""

import functools
import json
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from chaos.errors import SignalUnavailable

TIMEOUT_SECONDS = 2.0
LONGEST_ANSWER_BYTES = 16 * 1024 * 1024
"""Some ten times what the drill's stack says at once; a server that lies must not fill the runner's memory."""


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


class JsonApi:
    """One server's API. Calls raise SignalUnavailable when there is no usable answer within `timeout` seconds.

    The time is for the whole answer: one that comes byte by byte is given up, a last wait of `timeout` later at most.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        transport: httpx.BaseTransport | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._name = name
        self._timeout = timeout
        self._client = httpx.Client(
            base_url=base_url, timeout=timeout, transport=transport, trust_env=False, verify=certificates()
        )

    def get(self, path: str, **parameters: str | float) -> Any:
        """The decoded answer."""
        try:
            with self._client.stream("GET", path, params=parameters) as answer:
                content = _read(answer, self._timeout)
            if answer.status_code == httpx.codes.BAD_REQUEST:
                # The server says in its own words what is wrong with the question.
                raise SignalUnavailable(f"{self._name}: {content.decode(errors='replace')[:300]}")
            answer.raise_for_status()
            return json.loads(content)
        except (httpx.HTTPError, ValueError, RecursionError) as error:
            raise SignalUnavailable(f"{self._name}: {path}: {type(error).__name__}: {error}".splitlines()[0]) from error

    def text(self, path: str) -> str:
        """The answer as text."""
        try:
            with self._client.stream("GET", path) as answer:
                content = _read(answer, self._timeout)
            answer.raise_for_status()
            return content.decode(errors="replace")
        except httpx.HTTPError as error:
            raise SignalUnavailable(f"{self._name}: {path}: {type(error).__name__}: {error}".splitlines()[0]) from error

    def time(self, path: str) -> float:
        """What time it is there, in whole seconds of Unix time, by the header of an answer."""
        try:
            answer = self._client.get(path)
            return parsedate_to_datetime(answer.headers["date"]).timestamp()
        except (httpx.HTTPError, KeyError, ValueError) as error:
            raise SignalUnavailable(f"{self._name}: {path}: no time: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def is_application(url: str, name: str, transport: httpx.BaseTransport | None = None) -> bool:
    """Whether a browser finds the application of this name there, rather than a page that stands in for one.

    Jaeger built without its pages answers with text that names them, and no script. Takes 4 s at most; never raises.
    """
    with httpx.Client(
        timeout=TIMEOUT_SECONDS,
        transport=transport,
        trust_env=False,
        verify=certificates(),
        follow_redirects=True,
    ) as client:
        try:
            with client.stream("GET", url) as answer:
                text = _read(answer, TIMEOUT_SECONDS).decode(errors="replace")
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
    return answer.is_success and name in text and "<script" in text


def _read(answer: httpx.Response, within_seconds: float) -> bytes:
    """The whole content. Raises httpx.ReadTimeout where it takes longer, httpx.DecodingError where it is too long."""
    deadline, content = time.monotonic() + within_seconds, bytearray()
    for chunk in answer.iter_bytes():
        content += chunk
        if len(content) > LONGEST_ANSWER_BYTES:
            raise httpx.DecodingError(f"longer than {LONGEST_ANSWER_BYTES} bytes")
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout(f"not whole within {within_seconds:g} s")
    return bytes(content)
