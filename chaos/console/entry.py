"""The way in: an address with a token makes a browser one of its role, unless it is one of another role already."""

from fastapi import FastAPI, Request, Response

from chaos.console.gate import ENTER
from chaos.console.settings import ConsoleSettings

_ANOTHER = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Game day</title>
</head>
<body><main><h1>You are {here} here</h1>
<p>All windows of a browser are one person. To be {wanted} as well, open this address in a private window, or in another
browser.</p>
<p><a href="/">To the table, as {here}</a></p></main></body>
</html>
"""
"""Both words are of our own roles."""


def add(app: FastAPI, settings: ConsoleSettings, leads_on: str) -> None:
    """Add it to the application; `leads_on`: the page that goes on to the table by itself."""

    @app.get(f"{ENTER}{{token}}")
    async def enter(token: str, request: Request) -> Response:
        # The gate has let nobody in here but with a token that fits.
        wanted: str = request.state.role
        here = settings.role_of(request.cookies.get(settings.cookie, ""))
        if here not in (None, wanted):
            # The other window would go on to show buttons that do nothing any more.
            said = _ANOTHER.format(here=here, wanted=wanted)
            return Response(said, 409, media_type="text/html; charset=utf-8")
        entered = Response(leads_on, media_type="text/html; charset=utf-8")
        entered.set_cookie(settings.cookie, token, httponly=True, samesite="strict", path="/")
        return entered
