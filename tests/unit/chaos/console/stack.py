"""A stand-in for Prometheus, Alertmanager and Jaeger, which say a word wherever an attacker might have put it."""

import math

import httpx

from tests.unit.chaos.console.rounds import WALL
from tests.unit.jaeger_store import Store, span, trace

_SAME_SECONDS = 30.0
TARGET = """\
version: 1
name: made up
state: state
runs: runs
urls:
  {{ users: "http://u", prometheus: "http://prometheus", alertmanager: "http://alertmanager", jaeger: "http://jaeger" }}
control: {{ type: supervisor, socket: /none }}
instances: {{ shop-1: {{ role: shop }}, shop-2: {{ role: shop }} }}
dashboards: {{ folder: "{folder}", scrape_interval: 1s }}
"""
BOARD = """\
{"uid": "overview", "templating": {"list": []}, "panels": [
 {"type": "timeseries", "title": "Requests", "description": "What users ask.\\n\\nMoves with: process.kill shop.",
  "fieldConfig": {"defaults": {"unit": "reqps", "mappings": [{"type": "value", "options": {"0": {"text": "none"}}}]}},
  "targets": [{"refId": "A", "expr": "requests", "legendFormat": "{{instance}}"},
              {"refId": "B", "expr": "chaos_fault_active", "legendFormat": "{{experiment}}"}]},
 {"type": "timeseries", "title": "All of it", "targets": [{"refId": "A", "expr": "everything"}]},
 {"type": "stat", "title": "Live faults", "targets": [{"refId": "A", "expr": "chaos_faults_active"}]}]}
"""


class Stack:
    """Answers as a transport.

    `word`: what must never come through; `now`: how many seconds after the run's start it is.
    """

    def __init__(self, folder, word, now=lambda: 10.0):
        self.word, self.now = word, now
        self.asked = []
        self.away = set()
        self.firing_from = 5
        self.silenced_by = []
        boards = folder / "boards"
        boards.mkdir()
        (boards / "overview.json").write_text(BOARD)
        self.target = folder / "target.yaml"
        self.target.write_text(TARGET.format(folder=boards))
        self._attributes = {"http__route": "/", "chaos__fault": word, "stormdrill__run": word, "Baggage": word}
        self.transport = httpx.MockTransport(self.answer)

    def answer(self, request):
        self.asked.append(request)
        if request.url.host in self.away:
            return httpx.Response(400, text=f"not now: {self.word}")
        if request.url.host == "jaeger":
            return self._traces().answer(request)
        if request.url.host == "alertmanager":
            return httpx.Response(200, json=self._alerts())
        asked = dict(request.url.params)
        if request.url.path == "/api/v1/rules":
            return httpx.Response(200, json={"data": {"groups": self._groups()}})
        series = self._history() if asked["query"].startswith("ALERTS[") else self._series(asked)
        return httpx.Response(200, json={"status": "success", "data": {"result": series}})

    def _traces(self):
        # Always of the last half a minute, and the same for as long, so that nothing moves below whoever opens one.
        back = _SAME_SECONDS * math.floor((self.now() - 5.0) / _SAME_SECONDS)
        attributes = self._attributes
        failed = span("GET /", back + 4.0, 0.1, error=True, **attributes)
        return Store(
            trace("slow", span("GET /", back + 3.0, 0.4, **attributes)),
            trace("failed", failed, span("sql", back + 4.01, 0.05, parent="GET /")),
        )

    def _series(self, asked):
        start, end = float(asked["start"]), float(asked["end"])
        values = [[start + at, str(at)] for at in range(int(end - start) + 1)]
        own = {"__name__": asked["query"], "instance": "shop-1", "experiment": self.word, "run_id": self.word}
        return [{"metric": own, "values": values}]

    def _history(self):
        labels = {"alertname": "Down", "instance": "shop-2", "experiment": self.word}
        now = int(self.now())
        samples = [[WALL + at, "1"] for at in range(self.firing_from, now + 1)]
        return [
            {"metric": labels | {"alertstate": "pending"}, "values": [[WALL + at, "1"] for at in (2, 3, 4, 5)]},
            {"metric": labels | {"alertstate": "firing"}, "values": samples},
            {
                "metric": {"alertname": "Watchdog", "alertstate": "firing"},
                "values": [[WALL + at, "1"] for at in range(now + 1)],
            },
            {
                "metric": {"alertname": "Slow", "alertstate": "pending"},
                "values": [[WALL + at, "1"] for at in range(9, now + 1)],
            },
        ]

    def _groups(self):
        rule = {"name": "Down", "type": "alerting", "query": "up == 0", "annotations": {"summary": self.word}}
        return [{"name": "all", "interval": 1, "rules": [rule]}]

    def _alerts(self):
        status = {"inhibitedBy": [], "silencedBy": self.silenced_by, "mutedBy": []}
        labels = {"alertname": "Down", "instance": "shop-2", "experiment": self.word, "cluster": "one"}
        return [{"fingerprint": "f", "labels": labels, "status": status, "annotations": {"summary": self.word}}]
