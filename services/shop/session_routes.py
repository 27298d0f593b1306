"""Calls about a user's session, and how other calls learn whose they are."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import APIKeyCookie
from pydantic import BaseModel

from services.kit.problems import responses
from services.shop.sessions import Session, Sessions, no_session

router = APIRouter()

_NAME = "session"
_cookie = APIKeyCookie(name=_NAME, scheme_name="session", auto_error=False, description="From POST /sessions.")
# Put on a route that serves guests as well; without it the documentation would have a session required.
OR_AS_GUEST: dict[str, Any] = {"security": [{}]}


class SessionCookie:
    """The cookie that carries a session's token."""

    def __init__(self, ttl: timedelta, *, sliding: bool, secure: bool) -> None:
        self._ttl = ttl
        self._sliding = sliding
        self._secure = secure

    def give(self, response: Response, token: str) -> None:
        """Have the browser keep the token, out of the reach of scripts and of other sites' requests."""
        response.set_cookie(
            _NAME,
            token,
            max_age=round(self._ttl.total_seconds()),
            httponly=True,
            secure=self._secure,
            samesite="lax",
        )

    def renew(self, response: Response, token: str) -> None:
        """Have the browser keep it for as long anew; the session itself was renewed by its use."""
        if self._sliding:
            self.give(response, token)

    def take(self, response: Response) -> None:
        """Have the browser forget it."""
        response.delete_cookie(_NAME, httponly=True, secure=self._secure, samesite="lax")


class SessionBody(BaseModel):
    """A session as its user sees it."""

    user_id: UUID
    expires_in_seconds: int


async def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions


async def _session_cookie(request: Request) -> SessionCookie:
    cookie: SessionCookie = request.app.state.session_cookie
    return cookie


TheSessions = Annotated[Sessions, Depends(_sessions)]
TheCookie = Annotated[SessionCookie, Depends(_session_cookie)]
Presented = Annotated[str | None, Depends(_cookie)]


async def keep_private(response: Response) -> None:
    """Keep the answer out of every cache: it is one user's."""
    response.headers["cache-control"] = "no-store"


async def _token(presented: Presented, cookie: TheCookie, response: Response) -> str:
    if presented is None:
        raise no_session()
    # Reaches the browser only with a success.
    cookie.renew(response, presented)
    return presented


TheToken = Annotated[str, Depends(_token)]


async def _session(token: TheToken, sessions: TheSessions) -> Session:
    return await sessions.find(token)


async def _session_or_guest(
    presented: Presented, sessions: TheSessions, cookie: TheCookie, response: Response
) -> Session | None:
    # A session that is presented and not found is refused rather than taken for a guest's: its user
    # would wonder where the order has gone.
    if presented is None:
        return None
    cookie.renew(response, presented)
    return await sessions.find(presented)


TheSession = Annotated[Session, Depends(_session)]
SessionOrGuest = Annotated[Session | None, Depends(_session_or_guest)]


def _body(session: Session) -> SessionBody:
    return SessionBody(user_id=session.user_id, expires_in_seconds=round(session.expires_in.total_seconds()))


@router.post("/sessions", status_code=201, dependencies=[Depends(keep_private)], responses=responses(503))
async def open_session(sessions: TheSessions, cookie: TheCookie, response: Response) -> SessionBody:
    """Begin a session, as a new user; the answer sets the cookie."""
    token, session = await sessions.open()
    cookie.give(response, token)
    return _body(session)


@router.get("/sessions/me", dependencies=[Depends(keep_private)], responses=responses(401, 503))
async def read_session(session: TheSession) -> SessionBody:
    """Show the session."""
    return _body(session)


@router.delete("/sessions/me", status_code=204, response_class=Response, responses=responses(401, 503))
async def close_session(presented: Presented, sessions: TheSessions, cookie: TheCookie, response: Response) -> None:
    """End the session and forget its cart."""
    if presented is None:
        raise no_session()
    await sessions.close(presented)
    cookie.take(response)
