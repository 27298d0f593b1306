"""The one way to ask over HTTP: once, or an API for JSON, with a deadline on every call.

Clients share what they verify servers by: most of the 60 ms that making one takes is for reading certificates.
"""

import functools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx

from chaos.errors import NoSuchApi, SignalUnavailable
from chaos.reach import entry
from chaos.reach.entry import certificates
from chaos.spec.door import Address, Door, doors

_T = TypeVar("_T")

TIMEOUT_SECONDS = 2.0
LONGEST_ANSWER_BYTES = 16 * 1024 * 1024
"""Some ten times what the drill's stack says at once; a server that lies must not fill the runner's memory."""


def get(url: str, timeout_seconds: float) -> httpx.Response:
    """Ask once, on a connection of its own: by the next question the server may be another. Raises httpx.HTTPError."""
    return _client().get(url, timeout=timeout_seconds)


@functools.cache
def _client() -> httpx.Client:
    return httpx.Client(verify=certificates(), trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


class JsonApi:
    """One server's API, or that of several that say the same. Calls raise SignalUnavailable when none of them gives a
    usable answer within `timeout` seconds each, or within the door's own.

    The time is for the whole answer: one that comes byte by byte is given up, a last wait of `timeout` later at most.
    Who answered last is asked first.
    """

    def __init__(
        self,
        name: str,
        address: Address,
        transport: httpx.BaseTransport | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._servers = [_Server(name, door, transport, timeout) for door in doors(address)]
        self._name = name

    def get(self, path: str, **parameters: str | float) -> Any:
        """The decoded answer."""
        return self._of_any(lambda server: server.get(path, parameters))

    def text(self, path: str) -> str:
        """The answer as text."""
        return self._of_any(lambda server: server.text(path))

    def time(self, path: str) -> float:
        """What time it is there, in whole seconds of Unix time, by the header of an answer."""
        return self._of_any(lambda server: server.time(path))

    def close(self) -> None:
        """Close its connections."""
        for server in self._servers:
            server.close()

    def _of_any(self, ask: Callable[["_Server"], _T]) -> _T:
        silent: list[SignalUnavailable] = []
        for server in tuple(self._servers):
            try:
                answer = ask(server)
            except _NoSuchQuestion:
                raise  # the others would say so too
            except SignalUnavailable as error:
                silent.append(error)
                continue
            # In one step, as several threads may ask: a list in another order, with the same servers in it.
            self._servers = sorted(self._servers, key=lambda one: one is not server)
            return answer
        kind = NoSuchApi if silent and all(isinstance(one, NoSuchApi) for one in silent) else SignalUnavailable
        raise kind("; ".join(str(one) for one in silent) or f"{self._name}: the target names none")


@contextmanager
def understood(name: str) -> Iterator[None]:
    """What is no answer in this server's form has told nothing, and is no defect of ours: it is SignalUnavailable."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise SignalUnavailable(f"{name}: not an answer: {type(error).__name__}: {error}") from error


class _NoSuchQuestion(SignalUnavailable):
    """It answers, and says what is wrong with the question."""


class _Server:
    """One of them."""

    def __init__(self, name: str, door: Door, transport: httpx.BaseTransport | None, timeout: float) -> None:
        self._name = name
        self._door = door
        self._timeout = entry.timeout_of(door, timeout)
        self._transport = transport

    @functools.cached_property
    def _client(self) -> httpx.Client:
        # Not before it is used: that nobody lets us in is no answer, and nothing else.
        return entry.client(self._door, self._timeout, self._transport)

    def get(self, path: str, parameters: Mapping[str, str | float]) -> Any:
        try:
            with self._client.stream("GET", path, params=parameters) as answer:
                content = _read(answer, self._timeout)
            if answer.status_code == httpx.codes.BAD_REQUEST:
                # The server says in its own words what is wrong with the question.
                raise _NoSuchQuestion(self._said(content.decode(errors="replace")[:300]))
            if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.NOT_IMPLEMENTED):
                raise NoSuchApi(self._said(f"{path}: {answer.status_code}"))
            answer.raise_for_status()
            return json.loads(content)
        except (httpx.HTTPError, ValueError, RecursionError) as error:
            said = self._said(f"{path}: {type(error).__name__}: {error}".splitlines()[0])
            raise SignalUnavailable(said) from None

    def text(self, path: str) -> str:
        try:
            with self._client.stream("GET", path) as answer:
                content = _read(answer, self._timeout)
            answer.raise_for_status()
            return content.decode(errors="replace")
        except httpx.HTTPError as error:
            said = self._said(f"{path}: {type(error).__name__}: {error}".splitlines()[0])
            raise SignalUnavailable(said) from None

    def time(self, path: str) -> float:
        try:
            answer = self._client.get(path)
            return parsedate_to_datetime(answer.headers["date"]).timestamp()
        except (httpx.HTTPError, KeyError, ValueError) as error:
            raise SignalUnavailable(self._said(f"{path}: no time: {type(error).__name__}: {error}")) from None

    def close(self) -> None:
        if "_client" in self.__dict__:
            self._client.close()

    def _said(self, text: str) -> str:
        return f"{self._name}: {entry.hidden(text, self._door)}"


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
