"""A FastAPI application that does nothing but wait, in the three ways in which people write it.

`await` gives the worker's thread back while it waits; a blocking call in an `async def` keeps it, with everybody else
on it; a plain `def` is run by FastAPI in one of 40 threads.
"""

import asyncio
import os
import time

from fastapi import FastAPI

WAIT_MS = "STORMDRILL_WAIT_MS"


def create_app() -> FastAPI:
    """Return it, told by the environment how long to wait."""
    seconds = int(os.environ[WAIT_MS]) / 1000
    app = FastAPI(openapi_url=None)

    @app.get("/readyz")
    async def ready() -> str:
        return "ready"

    @app.get("/await")
    async def awaits() -> str:
        await asyncio.sleep(seconds)
        return "waited"

    @app.get("/blocking")
    async def blocks() -> str:
        time.sleep(seconds)  # noqa: ASYNC251  # which is what is shown
        return "waited"

    @app.get("/threads")
    def in_threads() -> str:
        time.sleep(seconds)
        return "waited"

    return app
