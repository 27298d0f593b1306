"""Toxiproxy's interface: its proxies and their toxics, asked through its own Python library, within deadlines.

The library keeps one address for the whole process, sets no time-out and reads HTTP_PROXY, so it is called by its
lowest part, and told each time.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from toxiproxy.api import APIConsumer  # type: ignore[import-untyped]  # it ships none
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists  # type: ignore[import-untyped]

from chaos.errors import FaultFailed, SignalUnavailable

# Removing a toxic waits for what is on its way through it; the server goes on with that when we no longer listen.
_WITHIN_SECONDS = {"timeout": (1.0, 3.0)}
_DIRECTLY: dict[str, Any] = {"proxies": {"http": None, "all": None}}


class Toxic(msgspec.Struct, frozen=True):
    """One toxic of one proxy, as Toxiproxy knows it."""

    name: str
    type: str
    stream: str
    """`upstream`: what the caller sends; `downstream`: what it is answered."""
    attributes: dict[str, int]
    """Milliseconds, and kilobytes per second."""
    toxicity: float = 1.0
    """Share of connections that it hits, thrown for each one when it is opened or the toxic is set."""

    def is_like(self, other: "Toxic") -> bool:
        """Whether both do the same; Toxiproxy keeps the share in single precision."""
        mine, its = msgspec.structs.replace(self, toxicity=1.0), msgspec.structs.replace(other, toxicity=1.0)
        return mine == its and abs(self.toxicity - other.toxicity) < 0.001


class Proxy(msgspec.Struct, frozen=True):
    """One proxy."""

    name: str
    listen: str
    enabled: bool
    toxics: list[Toxic]

    def toxic(self, name: str) -> Toxic | None:
        """Its toxic of this name."""
        return next((toxic for toxic in self.toxics if toxic.name == name), None)


class Toxiproxy:
    """One Toxiproxy. Every call ends within 4 s.

    Calls raise SignalUnavailable when it does not answer, FaultFailed when it refuses.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def proxies(self) -> dict[str, Proxy]:
        """All proxies by their names."""
        return msgspec.convert(self._ask(APIConsumer.get, "/proxies"), dict[str, Proxy])

    def add(self, proxy: str, toxic: Toxic) -> None:
        """Put a toxic on all connections through a proxy, those that are open included."""
        self._ask(APIConsumer.post, f"/proxies/{proxy}/toxics", msgspec.to_builtins(toxic))

    def set_again(self, proxy: str, toxic: Toxic) -> None:
        """Have a toxic choose anew which connections it hits."""
        self._ask(APIConsumer.post, f"/proxies/{proxy}/toxics/{toxic.name}", msgspec.to_builtins(toxic))

    def remove(self, proxy: str, toxic_name: str) -> None:
        """Take a toxic away; safe to repeat."""
        self._ask(APIConsumer.delete, f"/proxies/{proxy}/toxics/{toxic_name}", missing_is_well=True)

    def enable(self, proxy: str, enabled: bool) -> None:
        """Have a proxy listen, or refuse connections and cut those that it has."""
        self._ask(APIConsumer.post, f"/proxies/{proxy}", {"enabled": enabled})

    def _ask(
        self, method: Any, path: str, body: Mapping[str, object] | None = None, *, missing_is_well: bool = False
    ) -> Any:
        address = urlsplit(self._url)
        APIConsumer.host, APIConsumer.port = address.hostname, address.port
        options = _WITHIN_SECONDS | _DIRECTLY | ({} if body is None else {"json": body})
        try:
            response = method(path, **options)
            response.raise_for_status()
            return response.json() if response.content else None
        except NotFound as error:
            if missing_is_well:
                return None
            raise FaultFailed(f"Toxiproxy has no {path}") from error
        except (InvalidToxic, ProxyExists) as error:
            raise FaultFailed(f"Toxiproxy refuses {path}: {error}") from error
        except requests.RequestException as error:
            raise SignalUnavailable(f"Toxiproxy does not answer: {type(error).__name__}: {error}") from error
