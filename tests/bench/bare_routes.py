"""A route that does nothing, by FastAPI and by Starlette alone: what a request costs before there is a shop."""

from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

_PRODUCT = {"sku": "sku-0001", "name": "Product 1", "price_cents": 199}


def _prepared(app: Any) -> Any:
    # gunicorn's configuration asks the application whether it drains.
    app.state.lifecycle = SimpleNamespace(drains=False)
    return app


def create_fastapi() -> FastAPI:
    """Return an application with one route, and the one that says it is ready."""
    app = FastAPI()

    @app.get("/products/{sku}")
    async def product(sku: str) -> dict[str, Any]:
        return _PRODUCT | {"sku": sku}

    @app.get("/readyz")
    async def readyz() -> str:
        return "ready"

    prepared: FastAPI = _prepared(app)
    return prepared


def create_starlette() -> Starlette:
    """As `create_fastapi`, without FastAPI."""

    async def product(request: Request) -> JSONResponse:
        return JSONResponse(_PRODUCT | {"sku": request.path_params["sku"]})

    async def readyz(_request: Request) -> JSONResponse:
        return JSONResponse("ready")

    prepared: Starlette = _prepared(Starlette(routes=[Route("/products/{sku}", product), Route("/readyz", readyz)]))
    return prepared
