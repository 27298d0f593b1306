"""Problem responses (RFC 9457), with the trace id, for everything that is not a success.

Problem
├── Unauthorized          401
├── NotFound              404
├── Conflict              409
├── Unprocessable         422
└── Unavailable           503, with Retry-After
    ├── DependencyUnavailable
    │   ├── Transient
    │   └── CircuitOpen
    ├── Overloaded
    └── DeadlineExceeded
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from opentelemetry import trace
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

TYPE_PREFIX = "urn:stormdrill:problem:"
MEDIA_TYPE = "application/problem+json"
# As RFC 9110 has them. Python before 3.13 has older names, and clients know a problem by its type, which is made of it.
_RENAMED = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}


class InvalidPart(BaseModel):
    """One part of a request that is not as it must be."""

    pointer: str
    detail: str


class ProblemBody(BaseModel):
    """What a client reads when it did not get what it asked for."""

    type: str
    title: str
    status: int
    detail: str
    trace_id: str | None
    errors: list[InvalidPart] | None = None


class Problem(Exception):
    """A refusal that is answered in problem form."""

    status: ClassVar[int] = 500

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail

    @property
    def headers(self) -> Mapping[str, str]:
        return {}


class Unauthorized(Problem):
    """The request does not say, or not believably, whose it is."""

    status = 401


class NotFound(Problem):
    """The thing asked for does not exist."""

    status = 404


class Conflict(Problem):
    """The request contradicts what is already there."""

    status = 409


class Unprocessable(Problem):
    """The request is well formed and cannot be carried out."""

    status = 422


class Unavailable(Problem):
    """Not now; the same request may succeed soon."""

    status = 503
    retry_after_seconds: ClassVar[int] = 1

    @property
    def headers(self) -> Mapping[str, str]:
        return {"retry-after": str(self.retry_after_seconds)}


class DependencyUnavailable(Unavailable):
    """A server behind us does not answer as it should."""

    def __init__(self, dependency: str) -> None:
        super().__init__("dependency-unavailable", f"{dependency} does not answer")
        self.dependency = dependency


class Transient(DependencyUnavailable):
    """It failed at once, as a lost connection does, and may work when asked again."""


class CircuitOpen(DependencyUnavailable):
    """It was not asked, having failed again and again just before."""


class Overloaded(Unavailable):
    """There is more to do than connections to do it with, so this request is shed."""

    def __init__(self, pool: str) -> None:
        super().__init__("overloaded", f"no connection to {pool} was free in time")


class DeadlineExceeded(Unavailable):
    """The request has used up its time."""

    def __init__(self) -> None:
        super().__init__("deadline-exceeded", "the request took too long")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document that a route may answer with these statuses in problem form."""
    return {status: {"model": ProblemBody, **_DOCUMENTED.get(status, {})} for status in statuses}


_DOCUMENTED: dict[int, dict[str, Any]] = {
    503: {"headers": {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}}
}


def title(status: int) -> str:
    """What a problem with this status is called, on each Python."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase


def respond(
    status: int,
    kind: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: list[InvalidPart] | None = None,
) -> JSONResponse:
    """Build a problem response; ``errors`` points at each invalid part of the request."""
    context = trace.get_current_span().get_span_context()
    body = ProblemBody(
        type=TYPE_PREFIX + kind,
        title=title(status),
        status=status,
        detail=detail,
        trace_id=trace.format_trace_id(context.trace_id) if context.is_valid else None,
        errors=errors,
    ).model_dump(exclude=None if errors else {"errors"})
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


async def _on_problem(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return respond(error.status, error.kind, error.detail, headers=error.headers)


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    kind = title(error.status_code).lower().replace(" ", "-")
    headers = {"allow": _allowed(request)} if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else error.headers
    return respond(error.status_code, kind, str(error.detail), headers=headers)


def _allowed(request: Request) -> str:
    # Starlette names the methods of the first route with this path only.
    routes = [context.original_route for context in iter_route_contexts(request.app.routes)]
    routes = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted({method for route in routes for method in getattr(route, "methods", None) or ()}))


async def _on_invalid_request(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [
        InvalidPart(pointer="/" + "/".join(str(part) for part in item["loc"]), detail=item["msg"])
        for item in error.errors()
    ]
    detail = f"{errors[0].pointer}: {errors[0].detail}" if errors else "invalid request"
    return respond(422, "invalid-request", detail, errors=errors)


async def _on_unexpected_error(_request: Request, _error: Exception) -> JSONResponse:
    return internal_error()


def internal_error() -> JSONResponse:
    """Answer to a request that failed for a reason nobody thought of."""
    return respond(500, "internal-error", "this is a mistake of ours; it has been logged")


def install(app: FastAPI) -> None:
    """Answer every refusal and every error of the application in problem form."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(Exception, _on_unexpected_error)
    describe = app.openapi
    app.openapi = lambda: _documented(describe())  # type: ignore[method-assign]  # FastAPI's documented way


def _documented(description: dict[str, Any]) -> dict[str, Any]:
    for operations in description.get("paths", {}).values():
        for operation in operations.values():
            responses = operation["responses"]
            if "requestBody" in operation and "422" in responses:
                # FastAPI's answer to a body that is not even text.
                responses["400"] = {**responses["422"], "description": HTTPStatus.BAD_REQUEST.phrase}
                responses["413"] = {**responses["422"], "description": title(413)}
            for status, response in responses.items():
                content = response.get("content", {})
                # FastAPI documents every model under the media type of the route's success.
                if status >= "400" and "application/json" in content:
                    content[MEDIA_TYPE] = content.pop("application/json")
    return description
