"""A load's requests made ready: bodies read, credentials found, before the first is sent."""

import contextlib
import json
from pathlib import Path

from chaos.errors import SignalUnavailable
from chaos.reach import kept
from chaos.spec import asked as words
from chaos.spec.asked import Asked
from chaos.spec.loads import PathsLoad

_READ_AGAIN_AFTER_SECONDS = 1.0
"""So that a token that is renewed in its file is sent within a second, and 50 requests a second read no file each."""


class Prepared:
    """One request, ready to be sent at any time. Raises SignalUnavailable when something that it needs is not there."""

    def __init__(self, asked: Asked, where: str) -> None:
        """`where` is the server, as messages call it."""
        self._asked, self._where = asked, where
        self.method, self.path, self.name, self.weight = asked.method, asked.path, asked.called, asked.weight
        self.expected = words.ranges(asked.statuses)
        self.body = self._body()
        self._headers, self._read_at = self._sent_with(), 0.0

    def headers(self, now: float) -> dict[str, str]:
        """What is sent with it, at this moment of the monotonic clock."""
        if now - self._read_at >= _READ_AGAIN_AFTER_SECONDS:
            # A file that is being replaced just now: what was in it is as good as anything.
            with contextlib.suppress(SignalUnavailable):
                self._headers = self._sent_with()
            self._read_at = now
        return dict(self._headers)

    def _sent_with(self) -> dict[str, str]:
        asked = self._asked
        found = {name: kept.sendable(one, self._where, f"headers.{name}") for name, one in asked.headers.items()}
        pairs = [f"{name}={self._cookie(name)}" for name in asked.cookies]
        if pairs:
            found["Cookie"] = "; ".join(pairs)
        if self.body is not None and "content-type" not in {name.lower() for name in found}:
            found["Content-Type"] = self._kind()
        return found

    def _cookie(self, name: str) -> str:
        value = kept.sendable(self._asked.cookies[name], self._where, f"cookies.{name}")
        if ";" in value:
            raise SignalUnavailable(f"{self._where}: cookies.{name}: has characters that cannot be sent")
        return value

    def _kind(self) -> str:
        if self._asked.json is not None:
            return "application/json"
        return "text/plain; charset=utf-8" if self._asked.text else "application/octet-stream"

    def _body(self) -> bytes | None:
        asked = self._asked
        if asked.json is not None:
            return json.dumps(asked.json, ensure_ascii=False).encode()
        if asked.text:
            return kept.found(asked.text, self._where, "text").encode()
        if not asked.file:
            return None
        try:
            return Path(asked.file).read_bytes()
        except OSError as error:
            raise SignalUnavailable(f"{self._where}: file: {type(error).__name__}: {error}") from error


def of(load: PathsLoad, where: str) -> list[Prepared]:
    """All that the load sends. Raises SignalUnavailable, which names what is missing."""
    if load.ca or load.certificate:
        kept.context(where, load.ca, load.certificate)
    return [Prepared(one, where) for one in load.asked]
