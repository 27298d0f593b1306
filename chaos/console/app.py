"""The console's application: a page, what is new for it, and what can be done from it."""

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
from fastapi import FastAPI, Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool

from chaos.campaign.artifacts import HTML_FILE
from chaos.console import acts, entry, look_routes, rights
from chaos.console.gate import FRAMED, MOST_BYTES, Gate
from chaos.console.looks import Looks
from chaos.console.rates import Rates
from chaos.console.reader import Reader
from chaos.console.settings import ConsoleSettings
from chaos.console.sources import SourcesFile
from chaos.console.view import State
from chaos.errors import ChaosError, GameRefused
from chaos.gameday import runbooks
from chaos.gameday.decks import DEBRIEF_PAGE
from chaos.gameday.table import ANY, Table
from chaos.judge.round_claims import SURE_ENOUGH
from chaos.machine.clock import Clock, SystemClock
from chaos.spec.gameday.truth import FAMILIES

_LOG = logging.getLogger(__name__)
STATIC = Path(__file__).parent / "static"
SCRIPTS = ("chart", "lanes", "asking", "acts", "sound", "host", "pager", "looks", "console")
"""In the order in which a page loads them."""
_FILES = {
    "console.css": (STATIC / "console.css", "text/css; charset=utf-8"),
    **{f"{name}.js": (STATIC / f"{name}.js", "text/javascript; charset=utf-8") for name in SCRIPTS},
    "style.css": (Path(__file__).parent.parent / "report" / "templates" / "style.css", "text/css; charset=utf-8"),
}
"""Everything a page loads, each by its name: no path that is asked for is ever looked up."""
_LOOK_SECONDS = 0.3
_ROWS_EVERY_SECONDS = 0.5
"""Users' seconds alone are told so often at most."""
_LONGEST_SECONDS = 15.0
"""A question is answered after so long though nothing is new, so that a page knows that we are there."""
_MOST_WAITING = 100
"""Of questions; one more is answered at once, whether anything is new or not."""
_READS, _WRITES = (200.0, 50.0), (30.0, 5.0)
"""How much a client may ask for at once, and each second, as one role. A room's laptops may be one client: all begin
together, and then ask about once a second each."""


def create(
    settings: ConsoleSettings,
    clock: Clock | None = None,
    reads: Rates | None = None,
    writes: Rates | None = None,
    beside: Callable[[], object] = lambda: None,
    transport: httpx.BaseTransport | None = None,
) -> FastAPI:
    """The application of one console; `beside` is called once a second while it runs."""
    own = clock or SystemClock()
    sources = SourcesFile(settings.target, settings.dashboards)
    reader = Reader(settings, own, sources, transport)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(_every_second(each)) for each in (beside, lambda: _watch(reader))]
        yield
        for task in tasks:
            task.cancel()

    # No page of ours describes the routes: who needs them is given them.
    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.add_middleware(Gate, settings=settings, reads=reads or Rates(*_READS), writes=writes or Rates(*_WRITES))
    _add_pages(app, settings, reader)
    _add_state(app, reader)
    _add_acts(app, settings, reader, own)
    app.state.reader = reader
    look_routes.add(app, Looks(reader, sources, transport))
    return app


async def _every_second(does: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(1.0)
        await run_in_threadpool(does)


def _watch(reader: Reader) -> None:
    # Whatever it meets, the next second is another try.
    with contextlib.suppress(ChaosError, OSError, ValueError):
        reader.watch()


@functools.cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("chaos.console", "static"), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True)  # fmt: skip


def _add_pages(app: FastAPI, settings: ConsoleSettings, reader: Reader) -> None:
    page = _templates()
    entry.add(app, settings, page.get_template("enter.html.j2").render())

    @app.get("/")
    async def show_page(request: Request) -> Response:
        role = request.state.role
        shown = page.get_template("page.html.j2").render(
            role=role, may=rights.MAY[role], proof=settings.proof(role), families=FAMILIES,
            anybody=settings.alone, replay=settings.speed, scripts=SCRIPTS, any_word=sorted(ANY),
            sure_enough=f"{100 * SURE_ENOUGH:g}",
        )  # fmt: skip
        return Response(shown, media_type="text/html; charset=utf-8")

    @app.get("/static/{name}")
    async def show_file(name: str) -> Response:
        if name not in _FILES:
            return Response(status_code=404)
        file, kind = _FILES[name]
        return Response(await run_in_threadpool(file.read_bytes), media_type=kind)

    @app.get("/debrief/{name}")
    async def show_debrief(name: str) -> Response:
        """The debrief, and the run's report to which it leads, once the seal is open."""
        try:
            content = await run_in_threadpool(_told, reader, name)
        except (ChaosError, OSError, ValueError):
            return Response(status_code=404)
        return Response(content, media_type="text/html; charset=utf-8", headers=FRAMED)


def _told(reader: Reader, name: str) -> bytes:
    """A file of a run that everybody may know all of. Raises FileNotFoundError where he may not, or there is none."""
    folder, state = reader.folder, reader.state()
    if name not in (DEBRIEF_PAGE, HTML_FILE) or folder is None or state.told is None or not state.told.page:
        raise FileNotFoundError(name)
    return (folder / name).read_bytes()


def _add_state(app: FastAPI, reader: Reader) -> None:
    waiting: set[object] = set()

    @app.get("/state")
    async def tell_state(run: str = "", facts: int = 0, users: int = 0, stage: str = "", alerts: int = 0) -> Response:
        """What is new since then, as soon as something is: facts at once, users' seconds a little later."""
        began, me = time.monotonic(), object()
        waits = len(waiting) < _MOST_WAITING
        waiting.add(me)
        try:
            await run_in_threadpool(reader.page_asks)
            while True:
                state = await run_in_threadpool(reader.state, run, max(facts, 0), max(users, 0))
                waited = time.monotonic() - began
                new = _is_new(state, run, stage, alerts) or (state.rows and waited >= _ROWS_EVERY_SECONDS)
                if new or not waits or waited >= _LONGEST_SECONDS:
                    return Response(msgspec.json.encode(state), media_type="application/json")
                await asyncio.sleep(_LOOK_SECONDS)
        except (ChaosError, OSError, ValueError):
            return _said(503, "the run cannot be read just now")
        finally:
            waiting.discard(me)


def _is_new(state: State, run: str, stage: str, alerts: int) -> bool:
    """`stage`: as the page shows it, with a mark once there is a debrief or a report."""
    changed = state.run != run or stage_mark(state) != stage or state.alerts != alerts
    return changed or bool(state.events)


def stage_mark(state: State) -> str:
    """What a page sends to say which stage it shows."""
    return f"{state.stage}{'+' if state.told and state.told.page else ''}"


def _add_acts(app: FastAPI, settings: ConsoleSettings, reader: Reader, clock: Clock) -> None:
    folder_of_books = Path(settings.books) if settings.books else None

    def books(where: str) -> str:
        return runbooks.text(where, folder_of_books, runbooks.target_of(settings.target))

    @app.post("/do/{verb}")
    async def act(verb: str, request: Request) -> Response:
        role = request.state.role
        if verb not in acts.BODIES or not rights.may(role, verb):
            return Response(status_code=403)
        content = await _content(request)
        if content is None:
            return Response(status_code=413)
        try:
            said = await run_in_threadpool(_do, verb, content, role)
        except (ChaosError, OSError, ValueError) as error:
            return _said(409, _in_words(error, reader.folder))
        return Response(msgspec.json.encode({"text": said}), media_type="application/json")

    def _do(verb: str, content: bytes, role: str) -> str:
        folder = reader.folder
        if settings.speed or folder is None:
            raise GameRefused("a recording is looked at, and not played in" if folder else "there is no round yet")
        body = acts.read(verb, content)
        if isinstance(body, acts.Join) and role not in ("host", body.role):
            raise GameRefused(f"you were let in as {role}")
        return acts.do(Table(folder, clock), verb, body, books, role)


def _in_words(error: Exception, folder: Path | None) -> str:
    """Why something is refused, for who wants it: where files are on this machine is nobody's business."""
    if not isinstance(error, GameRefused):
        _LOG.warning("what was asked for could not be done", exc_info=error)
        return "it cannot be done just now; the console's log says why"
    return str(error).replace(f"{folder.parent}/", "") if folder else str(error)


async def _content(request: Request) -> bytes | None:
    """What was sent; None: it is too much, whatever it said of its length."""
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST_BYTES:
            return None
    return content


def _said(status: int, words: str) -> Response:
    return Response(msgspec.json.encode({"refused": words}), status, media_type="application/json")
