"""The id that the load balancer gave a request: the same in spans, logs and the calls to other services."""

from contextvars import ContextVar

HEADER = "x-request-id"
HEADER_BYTES = HEADER.encode()
# HAProxy's has 50 characters; whoever asks an instance directly may send anything.
_LONGEST = 128

_current: ContextVar[str] = ContextVar("request_id", default="")


def start(header: bytes | None) -> str:
    """Take the current request's id from its header; there is none where the header is not fit for a log."""
    text = header.decode("latin-1") if header is not None and len(header) <= _LONGEST else ""
    current = text if text.isprintable() else ""
    _current.set(current)
    return current


def current() -> str:
    """Return the current request's id, or nothing."""
    return _current.get()


def to_headers() -> dict[str, str]:
    """Return the header that passes the id on; none without an id."""
    current = _current.get()
    return {HEADER: current} if current else {}
