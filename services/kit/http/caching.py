"""What HTTP is told about an answer from the cache: how long it is good, its ETag, its compressed form."""

import math
import time
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from opentelemetry import trace

from services.kit.cache.entry import compressed, etag_of
from services.kit.cache.found import Found

_JSON = "application/json"
_PLAIN_JSON = {"content-type": _JSON}

HEADERS: dict[str, Any] = {
    "Cache-Control": {
        "description": "A second at most, and never beyond the time to live; `no-store` for a stale answer.",
        "schema": {"type": "string"},
    },
    "Cache-Status": {
        "description": "Which layer answered (RFC 9211). A negative `ttl` marks a stale answer.",
        "schema": {"type": "string"},
    },
    "ETag": {"description": "Weak; for `If-None-Match`.", "schema": {"type": "string", "pattern": '^W/"[0-9a-f]+"$'}},
    "Age": {"description": "Seconds since it was read, of a stale answer.", "schema": {"type": "integer"}},
}

CONDITIONAL: dict[str, Any] = {
    "parameters": [
        {
            "name": "If-None-Match",
            "in": "header",
            "description": "ETags of what the client has; if one is still right, the answer is 304.",
            "schema": {"type": "string"},
        }
    ]
}
"""For ``openapi_extra`` of a route; read from the request by HttpCache itself."""


@dataclass(frozen=True, slots=True)
class HttpCache:
    """Turns what the cache found into a response; each switch exists to show what it is worth."""

    max_age_seconds: int
    """Longest time a browser or proxy keeps an answer."""
    cacheable: bool
    """Off, nobody is to keep anything."""
    etag: bool
    gzip: bool

    def answer(self, request: Request, found: Found) -> Response:
        """Answer with an entry's bytes as they are, or with 304 if the client has them."""
        return self._respond(request, found, found.entry.body, found.entry.gzip, found.entry.etag)

    def answer_with(self, request: Request, found: Found, body: bytes) -> Response:
        """Answer with a body made of an entry alone, as long as the entry is good."""
        return self._respond(request, found, body, None, etag_of(body) if self.etag else "")

    def answer_once(self, request: Request, body: bytes) -> Response:
        """Answer with a body nobody is to keep."""
        return self._content(request, body, None, {"cache-control": "no-store"})

    def _respond(self, request: Request, found: Found, body: bytes, gzipped: bytes | None, etag: str) -> Response:
        trace.get_current_span().set_attributes({"cache.layer": found.layer, "cache.stale": found.stale})
        now = time.time()
        left_seconds = math.floor(found.entry.fresh_until - now)
        if not found.stale:
            # It was within its time when it was found; the way from there to here is not held against it.
            left_seconds = max(0, left_seconds)
        if found.stale:
            # Without an ETag, lest a client keeps it beyond the outage.
            stale = {
                "cache-control": "no-store",
                "cache-status": f"shop; hit; ttl={left_seconds}; detail={found.layer}",
                "age": str(max(0, int(now - found.entry.read_at))),
            }
            return self._content(request, body, gzipped, stale)
        status = "shop; fwd=miss" if found.layer == "source" else f"shop; hit; ttl={left_seconds}; detail={found.layer}"
        headers = {"cache-control": self._control(left_seconds), "cache-status": status}
        if self.etag:
            headers["etag"] = etag
            asked = request.headers.get("if-none-match")
            if asked is not None and etag_matches(asked, etag):
                return Response(None, 304, headers)
        return self._content(request, body, gzipped, headers)

    def _control(self, left_seconds: int) -> str:
        if not self.cacheable:
            return "no-store"
        seconds = min(self.max_age_seconds, left_seconds)
        # Nobody is to stretch it while we cannot be reached: the time to live is a promise.
        return f"public, max-age={seconds}, must-revalidate" if seconds > 0 else "no-cache"

    def _content(self, request: Request, body: bytes, gzipped: bytes | None, headers: dict[str, str]) -> Response:
        if self.gzip:
            if gzipped is None:
                gzipped = compressed(body)
            if gzipped:
                headers["vary"] = "accept-encoding"
                if accepts_gzip(request.headers.get("accept-encoding", "")):
                    return Response(gzipped, 200, {**headers, **_PLAIN_JSON, "content-encoding": "gzip"})
        return Response(body, 200, {**headers, **_PLAIN_JSON})


def documented(description: str) -> dict[int | str, dict[str, Any]]:
    """Document the statuses and headers of such an answer."""
    return {
        200: {"description": description, "headers": HEADERS},
        304: {"description": "The client's copy, named by If-None-Match, is still right.", "headers": HEADERS},
    }


def etag_matches(if_none_match: str, etag: str) -> bool:
    """Compare weakly, as RFC 9110 asks for in If-None-Match; `*` matches whatever there is."""
    if if_none_match.strip() == "*":
        return True
    opaque = etag.removeprefix("W/")
    return any(candidate.strip().removeprefix("W/") == opaque for candidate in if_none_match.split(","))


def accepts_gzip(accept_encoding: str) -> bool:
    """Say whether gzip is named and not with a weight of 0."""
    if "gzip" not in accept_encoding.lower():
        return False
    for part in accept_encoding.lower().split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip() == "gzip":
            return _weight(parameters) > 0
    return False


def _weight(parameters: str) -> float:
    name, _, value = parameters.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
