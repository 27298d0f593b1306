"""Liveness and readiness, about this process alone: a dead dependency makes neither fail."""

from fastapi import APIRouter, Response

from services.kit.lifecycle.state import Lifecycle
from services.kit.problems import respond

PATHS = frozenset({"/healthz", "/readyz"})


def create_router(lifecycle: Lifecycle) -> APIRouter:
    """Return the two routes; they stay out of the schema, the metrics and the traces."""
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> Response:
        return Response(b"ok\n", media_type="text/plain")

    @router.get("/readyz")
    async def readyz() -> Response:
        if lifecycle.tell_ready():
            return Response(b"ready\n", media_type="text/plain")
        return respond(503, lifecycle.state.value, f"this instance is {lifecycle.state.value}")

    return router
