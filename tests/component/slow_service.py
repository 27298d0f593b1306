"""A service made of the kit that needs no other server and is as slow as it is asked to be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from pydantic_settings import SettingsConfigDict

from services.kit.service import Instruments, create_service
from services.kit.settings import ServiceSettings

router = APIRouter()


class SlowSettings(ServiceSettings):
    """Settings from variables that start with SLOW_."""

    model_config = SettingsConfigDict(env_prefix="SLOW_", frozen=True)


@router.post("/things")
async def make_thing(seconds: float = 0.0) -> dict[str, float]:
    """Not idempotent: HAProxy sends it once."""
    await asyncio.sleep(seconds)
    return {"seconds": seconds}


def create_app() -> FastAPI:
    """Return the service."""

    @asynccontextmanager
    async def open_resources(_app: FastAPI, _instruments: Instruments) -> AsyncIterator[None]:
        yield

    return create_service("slow", SlowSettings.from_environment(), router, open_resources)
