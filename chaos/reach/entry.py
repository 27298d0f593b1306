"""Goes through a door: a client that says who we are, and words that never say what is kept."""

import functools
import os
import ssl
from base64 import b64encode
from collections.abc import Generator, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx

from chaos.errors import SignalUnavailable
from chaos.spec.door import Door, Kept, user_info

_SHORTEST_SECRET = 3
"""What is shorter stands in any text by chance."""


@functools.cache
def certificates() -> ssl.SSLContext:
    """What httpx verifies servers by, for clients to share: `verify=`; making one takes tens of milliseconds."""
    return httpx.create_ssl_context()


def client(door: Door, timeout: float, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """For one server. Raises SignalUnavailable where what it takes to be let in cannot be read."""
    return httpx.Client(
        base_url=door.plain,
        timeout=timeout_of(door, timeout),
        transport=transport,
        trust_env=False,
        verify=_verified(door),
        auth=_Shown(door),
        proxy=_proxy(door),
    )


def timeout_of(door: Door, otherwise: float) -> float:
    """In seconds, for a whole answer."""
    return door.timeout.in_seconds if door.timeout else otherwise


def assert_usable(door: Door) -> None:
    """Raises SignalUnavailable, which names what is missing, where a value that is kept elsewhere cannot be read."""
    _headers(door)
    _proxy(door)
    _verified(door)


def hidden(text: str, door: Door) -> str:
    """A text without anything that the door keeps: a server, or whoever is in between, may repeat what it was sent."""
    for secret in sorted(_secrets(door), key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


class _Shown(httpx.Auth):
    """Shows who we are with each question: a token that is renewed in its file is shown as it is then."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(_headers(self._door))
        yield request


def _headers(door: Door) -> dict[str, str]:
    found = {name: _value(value, door, f"headers.{name}") for name, value in door.headers.items()}
    if door.bearer:
        found["Authorization"] = f"Bearer {_value(door.bearer, door, 'bearer')}"
    if pair := _basic(door):
        found["Authorization"] = f"Basic {_encoded(pair)}"
    return found


def _basic(door: Door) -> tuple[str, str] | None:
    if door.basic:
        return _value(door.basic.user, door, "basic.user"), _value(door.basic.password, door, "basic.password")
    return door.user_info


def _encoded(pair: tuple[str, str]) -> str:
    return b64encode(":".join(pair).encode()).decode()


def _proxy(door: Door) -> httpx.Proxy | None:
    if not door.proxy:
        return None
    value = _value(door.proxy, door, "proxy")
    try:
        user_info(value)  # ValueError where its host cannot be read; httpx would ask for such a host
        return httpx.Proxy(value)
    except (ValueError, httpx.InvalidURL):
        raise SignalUnavailable(f"{door.plain}: proxy: is not a URL of a proxy") from None


def _verified(door: Door) -> ssl.SSLContext:
    if not door.ca and door.certificate is None:
        return certificates()
    try:
        context = ssl.create_default_context(cafile=door.ca or None)
        if door.certificate:
            # Where a passphrase is wanted OpenSSL would ask for it at the terminal.
            context.load_cert_chain(door.certificate.file, door.certificate.key or None, password="")
        return context
    except (OSError, ValueError) as error:
        where = "certificate" if door.certificate else "ca"
        raise SignalUnavailable(f"{door.plain}: {where}: {type(error).__name__}: {error}") from error


def _value(value: str | Kept, door: Door, what: str) -> str:
    found = _read(value)
    if found is None:
        raise SignalUnavailable(f"{door.plain}: {what}: nothing is to be found in {value}")
    if not found.isprintable() or not found.isascii():
        # The HTTP library would say so as well, and repeat it.
        raise SignalUnavailable(f"{door.plain}: {what}: has characters that cannot be sent")
    return found


def _of_proxy(door: Door) -> tuple[str, str] | None:
    try:
        return user_info(_read(door.proxy) or "")
    except ValueError:
        return None  # no URL: nobody is shown it


def _read(value: str | Kept) -> str | None:
    if isinstance(value, str):
        return value
    if value.env:
        return os.environ.get(value.env, "").strip() or None
    try:
        return Path(value.file).read_text().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _secrets(door: Door) -> Iterator[str]:
    values = (*door.headers.values(), door.bearer, door.proxy)
    found = [_read(value) or "" for value in values if isinstance(value, Kept)]
    # Of `Bearer abc` a server may repeat the second word alone.
    found += [one.split()[-1] for one in found if " " in one]
    pairs = [door.user_info, _of_proxy(door)]
    if door.basic:
        pairs.append((_read(door.basic.user) or "", _read(door.basic.password) or ""))
    found += [secret for pair in pairs if pair for secret in (pair[1], quote(pair[1], safe=""), _encoded(pair))]
    yield from (one for one in found if len(one) >= _SHORTEST_SECRET)
