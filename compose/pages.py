"""What of a stack people can look at in a browser: the pages that answer, and how to have those that do not."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from compose import beside
from compose.config import target_file
from compose.settings import StackSettings
from compose.topology import LOOPBACK, Topology

_TIMEOUT_SECONDS = 2.0
"""For all of an answer, redirects too: httpx's own time-outs count each read anew, so that one may drip for hours."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page that should be somewhere."""

    name: str
    url: str
    shows: str
    title: str
    """What its HTML says that it is."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the pages of a stack, by name."""

    pages: dict[str, Page]

    @property
    def traces(self) -> str:
        """Where Jaeger's pages are; empty: nowhere."""
        return self.pages["jaeger"].url if "jaeger" in self.pages else ""


def look(topology: Topology, transport: httpx.AsyncBaseTransport | None = None) -> Look:
    """Ask all pages for themselves at the same time; takes 2 s at most, whatever answers there and however slowly."""
    return Look(asyncio.run(_look(topology, transport)))


async def _look(topology: Topology, transport: httpx.AsyncBaseTransport | None) -> dict[str, Page]:
    asked = list(_pages(topology))
    async with httpx.AsyncClient(
        timeout=_TIMEOUT_SECONDS, transport=transport, trust_env=False, follow_redirects=True
    ) as client:
        answered = await asyncio.gather(*(_answers(page, client) for page in asked))
    found: dict[str, Page] = {}
    for page, answers in zip(asked, answered, strict=True):
        if answers:
            found.setdefault(page.name, page)
    return found


def lines(settings: StackSettings, topology: Topology, seen: Look) -> list[str]:
    """What can be looked at, what answers programs, and how to have what is missing."""
    shown = ["to look at in a browser:"]
    shown += [f"  {page.name:<13}{page.url:<31}{page.shows}" for page in seen.pages.values()] or ["  nothing"]
    shown.append("to ask with curl:")
    shown += [f"  {name:<13}{url}" for name, url in _apis(topology).items()]
    return [*shown, *_missing(settings, topology, seen)]


def _missing(settings: StackSettings, topology: Topology, seen: Look) -> Iterable[str]:
    if "grafana" not in seen.pages:
        where = "as a part of the stack" if topology.apart else "until Ctrl-C"
        yield f"Grafana, with this stack's dashboards at http://{LOOPBACK}:{topology.grafana}, {where}:"
        yield f"  {beside.grafana_command(settings, topology)}"
    if "jaeger" not in seen.pages and topology.of_role("jaeger"):
        yield f"Jaeger's pages, with this stack's traces at http://{LOOPBACK}:{topology.jaeger_ui}, until Ctrl-C:"
        yield f"  {beside.jaeger_command(settings)}"
        yield "  then `make up` again: it puts links to traces into the dashboards"


def _pages(topology: Topology) -> Iterable[Page]:
    """In the order in which they are shown; of several with one name the first that answers counts."""
    yield _page("grafana", topology.grafana, "dashboards", "Grafana")
    yield _page("prometheus", topology.one("prometheus").port, "queries and graphs, targets, rules", "Prometheus")
    yield _page("alertmanager", topology.one("alertmanager").port, "alerts and silences", "Alertmanager")
    for jaeger in topology.of_role("jaeger"):
        yield _page("jaeger", jaeger.port, "traces", "Jaeger UI")
        yield _page("jaeger", topology.jaeger_ui, "traces", "Jaeger UI")


def _page(name: str, port: int, shows: str, title: str) -> Page:
    return Page(name, f"http://{LOOPBACK}:{port}", shows, title)


async def _answers(page: Page, client: httpx.AsyncClient) -> bool:
    """Whether the application answers, whole and in time."""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            return await _is_application(page, client)
    except (TimeoutError, httpx.HTTPError, ValueError, KeyError, TypeError):
        return False


async def _is_application(page: Page, client: httpx.AsyncClient) -> bool:
    """Whether it is the application, and none of the pages that stand in for one: these are text without a script."""
    if page.name == "grafana":
        return bool((await client.get(f"{page.url}/api/health")).json()["database"] == "ok")
    answer = await client.get(page.url)
    return answer.is_success and page.title in answer.text and "<script" in answer.text


def _apis(topology: Topology) -> dict[str, str]:
    """One address of each part that answers programs."""
    paths = {
        "users": "/products",
        "prometheus": "/api/v1/alerts",
        "alertmanager": "/api/v2/alerts",
        "pager": "/deliveries",
        "toxiproxy": "/proxies",
        "watchdog": "/healthz",
        "jaeger": "/api/services",
    }
    urls = target_file.urls(topology)
    return {name: f"{urls[name]}{path}" for name, path in paths.items() if name in urls}
