"""Bounds a request's body: what is longer is never held in memory, and is told so in problem form.

FastAPI's own `max_body_size` answers in plain text where the length was announced, and every refusal of ours is a
problem.
"""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LENGTH = b"content-length"
_DIGITS = 20
_WITHOUT_BODY = ("GET", "HEAD")


class BodyTooLarge(HTTPException):
    """The body is longer than this service takes; FastAPI passes an HTTPException on, whoever reads the body."""

    def __init__(self) -> None:
        super().__init__(413, "the request is too large")


class BodyLimit:
    """Pure ASGI, as the request's own middleware, inside which it is."""

    def __init__(self, app: ASGIApp, *, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; no route reads the body of a GET."""
        if scope["type"] == "http" and scope["method"] not in _WITHOUT_BODY:
            receive = bounded(receive, dict(scope["headers"]), self._most_bytes)
        await self._app(scope, receive, send)


def bounded(receive: Receive, headers: dict[bytes, bytes], most_bytes: int) -> Receive:
    """Return a `receive` that raises BodyTooLarge at the first byte beyond `most_bytes`, or at once if announced.

    A route that reads no body is not disturbed: gunicorn holds little of what nobody reads, and closes the connection.
    """
    announced = headers.get(_LENGTH, b"0")
    # gunicorn has refused what is no number. Python refuses to make a number of some thousand digits.
    known_too_large = len(announced) > _DIGITS or (announced.isdigit() and int(announced) > most_bytes)
    seen = 0

    async def receive_bounded() -> Message:
        nonlocal seen
        if known_too_large:
            raise BodyTooLarge
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > most_bytes:
                raise BodyTooLarge
        return message

    return receive_bounded
