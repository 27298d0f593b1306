"""A real Alertmanager with the drill's routing, and a receiver of a test's own that remembers what it is told."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import yaml

from compose.drill_time import generate
from compose.pace.timing import ALERTMANAGER_FLAGS
from compose.settings import ROOT
from compose.tools import find
from tests.alert_routes import Route
from tests.ports import free_port
from tests.waiting import until

# An alert that nobody resolves outlasts every test; Prometheus would send it again and again.
_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Told:
    """One alert of one message."""

    receiver: str
    alert: str
    status: str


class Receiver:
    """Accepts every message."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name = self.path.removeprefix("/receivers/")
                told.extend(Told(name, alert["labels"]["alertname"], alert["status"]) for alert in body["alerts"])
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Alertmanager:
    """Takes alerts as Prometheus sends them; `told` is what its receivers were told, in order."""

    def __init__(self, url: str, receiver: Receiver, rule_labels: dict[str, dict[str, str]]) -> None:
        self._api = httpx.Client(base_url=f"{url}/api/v2", timeout=10, trust_env=False)
        self._rule_labels = rule_labels
        self._firing: dict[str, tuple[Route, str]] = {}
        self.told = receiver.told

    def fire(self, *routes: Route) -> None:
        since = _text(datetime.now(UTC))
        self._firing |= {route.key: (route, since) for route in routes}
        self._post(*routes, ends=datetime.now(UTC) + _FOR)

    def resolve(self, *routes: Route) -> None:
        self._post(*routes, ends=datetime.now(UTC))
        for route in routes:
            del self._firing[route.key]

    def silenced(self) -> dict[str, bool]:
        """Row → whether its alert is inhibited, of those that Alertmanager knows."""
        found = {}
        for alert in self._api.get("/alerts").raise_for_status().json():
            found[alert["labels"]["row"]] = bool(alert["status"]["inhibitedBy"])
        return found

    def answers(self) -> bool:
        try:
            return self._api.get("/status").status_code == 200
        except httpx.TransportError:
            return False

    def close(self) -> None:
        self._api.close()

    def _post(self, *routes: Route, ends: datetime) -> None:
        alerts = [
            {
                # An alert is its labels: two rows of one alert without labels of their own would be one.
                "labels": {"alertname": route.alert, "row": route.key, **self._own(route.alert), **route.labels},
                "startsAt": self._firing[route.key][1],
                "endsAt": _text(ends),
            }
            for route in routes
        ]
        self._api.post("/alerts", json=alerts).raise_for_status()

    def _own(self, alert: str) -> dict[str, str]:
        return self._rule_labels.get(alert, {"severity": "warning", "component": "unknown"})


@contextmanager
def running(folder: Path) -> Iterator[Alertmanager]:
    """An Alertmanager of one test's own, with what a drill runs it with, until the block ends."""
    receiver, port = Receiver(), free_port()
    generate(ROOT / "alerts", ROOT / "alerts" / "alertmanager.yml", receiver.url, folder)
    command = (
        find().path("prometheus-alertmanager"), f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}", *ALERTMANAGER_FLAGS,
    )  # fmt: skip
    with (folder / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
    alertmanager = Alertmanager(f"http://127.0.0.1:{port}", receiver, _rule_labels())
    try:
        until(alertmanager.answers)
        yield alertmanager
    finally:
        alertmanager.close()
        process.terminate()
        process.wait(timeout=10)
        receiver.close()


def _rule_labels() -> dict[str, dict[str, str]]:
    documents = [yaml.safe_load(path.read_text()) for path in (ROOT / "alerts").glob("*.rules.yml")]
    rules = [rule for document in documents for group in document["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule["labels"] for rule in rules if "alert" in rule}


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
