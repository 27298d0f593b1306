"""What a user of Locust's fast HTTP client got for a request."""

from collections.abc import Mapping

import gevent  # type: ignore[import-untyped]  # it ships none
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from locust.contrib.fasthttp import ResponseContextManager

from chaos.load import answer
from chaos.load.answer import BROKEN, CLOSED, TIMED_OUT, WELL, Answer
from chaos.load.body import max_age


def answer_of(response: ResponseContextManager) -> Answer:
    headers: Mapping[str, object] = response.headers if response.headers is not None else {}
    served_by = headers.get("x-served-by")
    served_by = None if served_by is None else str(served_by)
    status = response.status_code  # Locust's 0: there was no answer
    failure = response.request_meta["exception"]
    if status and not answer.is_well(status, WELL):
        return Answer(status, f"HTTP {status}", served_by)
    if failure is not None:
        # With a status the connection ended inside the body.
        return Answer(None, in_words(failure), served_by)
    set_cookie = headers.get("set-cookie")
    body = response.content or b""
    return Answer(status, None, served_by, body, _cookie(set_cookie), max_age(set_cookie))


def _cookie(header: object) -> str | None:
    return header.partition("=")[2].partition(";")[0] or None if isinstance(header, str) else None


def in_words(failure: BaseException) -> str:
    """As answer.py has it, and what this client adds."""
    failure = getattr(failure, "original", None) or failure  # geventhttpclient wraps time-outs
    if isinstance(failure, gevent.Timeout):
        return str(TIMED_OUT.error)
    if isinstance(failure, HTTPConnectionClosed):
        return CLOSED
    if isinstance(failure, HTTPParseError):
        return BROKEN
    return answer.in_words(failure)
