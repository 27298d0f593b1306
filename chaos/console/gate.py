"""Who comes in: everything is asked here before any route is, and who may not know something learns nothing."""

import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chaos.console.rates import Rates
from chaos.console.settings import LOOPBACK, ConsoleSettings

PROOF_HEADER = "x-stormdrill"
ENTER, STEER = "/enter/", "/do/steer"
MOST_BYTES = 8 * 1024
"""Of what is sent with a request."""
_MOST_DIGITS = 6
"""Of what says how much it is."""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src data:; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
FRAMED = {
    # The debrief has its style in itself and no script; in a sandbox of our own origin it can be asked for by cookie.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'self'; sandbox allow-same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    # Browsers show a page that is in a sandbox and wants an opener policy to nobody.
    "Cross-Origin-Opener-Policy": "unsafe-none",
}
"""What a page that is shown within ours says instead."""


class Gate:
    """Lets in whoever has a token; his role is in the request's state.

    Nothing is answered with a body unless it is let in.
    """

    def __init__(self, app: ASGIApp, settings: ConsoleSettings, reads: Rates, writes: Rates) -> None:
        self._app = app
        self._settings = settings
        self._rates: dict[bool, Rates] = {False: reads, True: writes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may come in, and refuse the rest."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        role = self._role(headers, scope["path"])
        if refused := self._refused(scope, headers, role):
            await Response(status_code=refused)(scope, receive, _with_headers(send))
            return
        # A state of this request's own: the server may hand the same one to all.
        own = {**scope, "state": {**scope.get("state", {}), "role": role}}
        await self._app(own, receive, _with_headers(send))

    def _role(self, headers: Headers, path: str) -> str | None:
        # A stranger's name that leads to this machine would make his page one of ours.
        if self._settings.alone and _host(f"//{headers.get('host', '')}") not in LOOPBACK:
            return None
        if path.startswith(ENTER):
            return self._settings.role_of(path.removeprefix(ENTER))
        return self._settings.role_of(cookie_parser(headers.get("cookie", "")).get(self._settings.cookie, ""))

    def _refused(self, scope: Scope, headers: Headers, role: str | None) -> int:
        """The status of the refusal; 0: there is none."""
        writes = scope["method"] not in ("GET", "HEAD")
        status = 404 if role is None else self._amiss(headers, role) if writes else 0
        # However often the host has asked for something: what ends a round at once is among it.
        if not status and writes and role == "host" and scope["path"] == STEER:
            return 0
        # Who is refused has a share of his own: he takes nothing from those at the same address who are let in.
        client = scope["client"][0] if scope.get("client") else ""
        return status if self._rates[writes].allows(f"{client} {'refused' if status else role}") else 429

    def _amiss(self, headers: Headers, role: str) -> int:
        """Why this role's request to do something is refused, as a status; 0: it is not."""
        if not _from_our_page(headers) or not hmac.compare_digest(
            headers.get(PROOF_HEADER, "").encode(), self._settings.proof(role).encode()
        ):
            return 403
        length = headers.get("content-length", "0")
        return 0 if length.isdecimal() and len(length) <= _MOST_DIGITS and int(length) <= MOST_BYTES else 413


def _from_our_page(headers: Headers) -> bool:
    """Whether a browser says that the page which sends this is of our own origin; what is no browser says nothing."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    return site in (None, "same-origin") and (origin is None or origin == f"http://{headers.get('host')}")


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _with_headers(send: Send) -> Send:
    async def sends(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sends
