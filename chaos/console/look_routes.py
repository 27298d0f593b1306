"""Ways to dashboards and traces: for everybody who was let in, and never in the way of the round."""

from collections.abc import Callable

import msgspec
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Response

from chaos.console.looks import Looks
from chaos.errors import ChaosError

_AT_ONCE = 4
"""A stack that hangs keeps these waiting, and nobody else."""


def add(app: FastAPI, looks: Looks) -> None:
    """Add them to the application."""
    few = CapacityLimiter(_AT_ONCE)

    async def told(ask: Callable[[], object]) -> Response:
        try:
            found = await to_thread.run_sync(ask, limiter=few)
        except (ChaosError, OSError, ValueError):
            return Response(status_code=503)
        if found is None:
            return Response(status_code=404)
        return Response(msgspec.json.encode(found), media_type="application/json")

    @app.get("/boards")
    async def tell_boards() -> Response:
        return await told(looks.names)

    @app.get("/board/{name}")
    async def tell_board(name: str, back: int = 0) -> Response:
        return await told(lambda: looks.board(name, back))

    @app.get("/traces")
    async def tell_traces() -> Response:
        return await told(looks.traces)
