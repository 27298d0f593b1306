"""Users of somebody else's stack: they send what its target file says, as often as the weights say."""

import asyncio
import random
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import certifi
import h11

from chaos.load import answer, prepared
from chaos.load.answer import BROKEN, CLOSED, TIMED_OUT, UNFINISHED, Answer, Ranges
from chaos.load.connection import Closed, Connection
from chaos.load.pacing import Slots
from chaos.load.prepared import Prepared
from chaos.load.writer import LoadFacts
from chaos.reach import kept
from chaos.spec.loads import PathsLoad

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MOST_REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class Asking:
    """What all users of one load have in common."""

    url: str
    requests: Sequence[Prepared]
    tls: ssl.SSLContext | None
    follows: bool
    """Whether they go where an answer sends them."""


def asking(load: PathsLoad, url: str) -> Asking:
    """What this load says. Raises SignalUnavailable when something that it needs is not there."""
    tls = None
    if urlsplit(url).scheme == "https":
        tls = kept.context(url, load.ca or certifi.where(), load.certificate)
    return Asking(url.rstrip("/"), prepared.of(load, url), tls, load.redirects == "follow")


class PathUser:
    """One of them, with a connection that is kept alive; each request is recorded."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._connection = Connection(asking.url, asking.tls)
        self._weights = [one.weight for one in asking.requests]

    async def live(self, facts: LoadFacts, slots: Slots, timeout_seconds: float, ending: asyncio.Event) -> None:
        """Ask at each slot until `ending`; what is on its way then is waited for, or unfinished if we are cancelled."""
        try:
            while not await _comes_within(ending, slots.wait_seconds(time.monotonic())):
                [one] = random.choices(self._asking.requests, self._weights)
                await self._timed(one, facts, timeout_seconds)
        finally:
            self.leave()

    def leave(self) -> None:
        """Close the connection, if there is one."""
        self._connection.leave()

    async def _timed(self, one: Prepared, facts: LoadFacts, timeout_seconds: float) -> None:
        began = time.monotonic()
        facts.request_started()
        got = UNFINISHED  # stands if this user is cancelled at the end of the load
        try:
            async with asyncio.timeout(timeout_seconds):
                got = await self.ask(one)
        except TimeoutError:
            got = TIMED_OUT
        finally:
            facts.request(began, one.name, got.status, got.error, got.served_by)

    async def ask(self, one: Prepared) -> Answer:
        """Send one request, go where it leads if that is wanted, and say what came of it."""
        method, url, body = one.method, f"{self._asking.url}{one.path}", one.body
        headers = one.headers(time.monotonic())
        for _ in range(1 + _MOST_REDIRECTS):
            got = await self._exchange(method, url, headers, body, one.expected)
            if got.status not in _REDIRECTS or got.location is None:
                return got
            if not self._asking.follows:
                return _ends_here(got, "is not followed")
            there = _on_the_same_server(url, got.location)
            if there is None:
                # Nobody has said that load may be put on that one, and it must not learn who we are.
                return _ends_here(got, "leads to another server and is not followed")
            url = there
            if got.status == 303 or (got.status not in {307, 308} and method == "POST"):
                method, body = ("HEAD" if method == "HEAD" else "GET"), None
                headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        return Answer(got.status, f"redirected {_MOST_REDIRECTS} times", got.served_by)

    async def _exchange(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, expected: Ranges
    ) -> Answer:
        try:
            got = await self._connection.exchange(method, url, headers, body)
        except Closed:
            return Answer(None, CLOSED)
        except h11.RemoteProtocolError:
            return Answer(None, BROKEN)
        except OSError as error:
            return Answer(None, answer.in_words(error))
        error = None if answer.is_well(got.status, expected) else f"HTTP {got.status}"
        return Answer(got.status, error, got.headers.get("x-served-by"), location=got.headers.get("location"))


async def _comes_within(ending: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await ending.wait()
    except TimeoutError:
        return ending.is_set()


def _on_the_same_server(url: str, location: str) -> str | None:
    """Where an answer from `url` sends its user; None where that is another server, or nobody can tell."""
    try:
        there = urljoin(url, location).partition("#")[0]
        return there if _origin(there) == _origin(url) else None
    except ValueError:
        return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    split = urlsplit(url)
    return split.scheme, split.hostname, split.port or {"http": 80, "https": 443}.get(split.scheme)


def _ends_here(got: Answer, why: str) -> Answer:
    """The same; where it is no expected one it says what became of the redirect."""
    if got.error is None:
        return got
    return Answer(got.status, f"{got.error}, a redirect that {why}", got.served_by)
