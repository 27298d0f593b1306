"""Composes the pager. It keeps state, so it runs with one worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.kit.service import create_service
from services.kit.telemetry.instruments import Instruments
from services.pager.inbox import Inbox
from services.pager.mail import Mailbox, taking_mail
from services.pager.routes import router
from services.pager.settings import PagerSettings


def create_app(settings: PagerSettings | None = None) -> FastAPI:
    """Return the pager, told by the environment unless settings are given."""
    told = settings or PagerSettings.from_environment()

    @asynccontextmanager
    async def open_resources(app: FastAPI, instruments: Instruments) -> AsyncIterator[None]:
        async with (
            Inbox(told, instruments.registry) as inbox,
            taking_mail(told.mail, Mailbox(inbox, told.knows)),
        ):
            app.state.inbox = inbox
            app.state.knows = told.knows
            yield

    return create_service("pager", told, router, open_resources)
