"""`adopt` against servers that note every request: GET alone, 300 rules in time, files that `validate` accepts."""

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from compose.settings import ROOT

RULES, JOBS = 300, 30
WITHIN_SECONDS = 30.0
MARK = "Zq7SecretOfTheTest"
AM = """
route: { receiver: chat, routes: [{ matchers: ['severity="critical"'], receiver: oncall }] }
receivers: [{ name: chat, slack_configs: [{ channel: x }] }, { name: oncall, webhook_configs: [{ url: "http://x/" }] }]
"""


class Server(ThreadingHTTPServer):
    """Prometheus and Alertmanager at once; each answer takes 20 ms."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, str]] = []
        self.rules = [rule(number) for number in range(RULES)]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/prom"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        split = urlsplit(self.path)
        self.server.asked.append((self.command, split.path, self.headers.get("Authorization", "")))
        time.sleep(0.02)
        body = json.dumps(self.answer(split.path.removeprefix("/prom"), parse_qs(split.query))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET  # noqa: N815 - as the base class names them

    def answer(self, path, asked):
        if path == "/api/v1/query":
            return {"data": {"result": list(self.series(asked["query"][0]))}}
        labels = [{"job": f"job{number}", "instance": f"10.0.0.{number}:80"} for number in range(JOBS)]
        return {
            "/api/v1/rules": {"data": {"groups": [{"name": "g", "interval": 60, "rules": self.server.rules}]}},
            "/api/v1/targets": {"data": {"activeTargets": [{"labels": one, "scrapeInterval": "1m"} for one in labels]}},
            "/api/v1/status/config": {"data": {"yaml": "global: {external_labels: {cluster: eu1}}"}},
            "/api/v2/status": {"config": {"original": AM}, "versionInfo": {"version": "0.25.0"}},
            "/api/v2/alerts": [],
            "/api/v2/silences": [],
        }[path]

    def series(self, query):
        """Every third job has none."""
        for part in query.split(" or "):
            number = part.split('"stormdrill_selector", "')[1].split('"')[0]
            job = int(part.split('job="job')[1].split('"')[0])
            if job % 3:
                yield {"metric": {"stormdrill_selector": number, "instance": f"10.0.0.{job}:80"}, "value": [0, "1"]}

    def log_message(self, *_):
        pass


def rule(number):
    job, severity = number % JOBS, ("critical", "warning")[number % 2]
    return {
        "name": f"Alert{number // 2}",
        "type": "alerting",
        "query": f'up{{job="job{job}",n!="{number}"}} == 0',
        "duration": 60,
        "health": "ok",
        "labels": {"severity": severity},
        "alerts": [],
    }


@pytest.fixture
def server():
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def stormdrill(*arguments, cwd, **environment):
    command = [sys.executable, "-m", "chaos", *map(str, arguments)]
    path = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=cwd, env=os.environ | path | environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_300_rules_are_looked_at_by_get_alone_and_in_time(server, tmp_path):
    began = time.monotonic()
    done = stormdrill("adopt", "--prometheus", server.url, "--alertmanager", server.url, cwd=tmp_path)
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert took < WITHIN_SECONDS
    assert {method for method, _, _ in server.asked} == {"GET"}
    # As many questions as there are selectors would be too many for a server that others need.
    assert len(server.asked) < RULES / 3
    assert "300 alerting rules: 200 provable, 100 cannot fire" in done.stdout
    xml = ElementTree.parse(tmp_path / "stormdrill" / "adopted.xml").getroot()
    assert (xml.get("tests"), xml.get("failures")) == ("300", "100")
    assert (tmp_path / "stormdrill" / "adopted.md").read_text().count("\n| Alert") == RULES


def test_what_it_writes_is_valid_and_is_peoples_own_from_then_on(server, tmp_path):
    adopt = ("adopt", "--prometheus", server.url, "--alertmanager", server.url, "--out", "s")
    assert stormdrill(*adopt, cwd=tmp_path).returncode == 0
    validated = stormdrill("validate", "--target", "s/target.yaml", cwd=tmp_path)
    assert (validated.returncode, validated.stdout) == (0, f"{2 * JOBS} experiments are valid\n"), validated.stderr
    listed = stormdrill("list", "--target", "s/target.yaml", cwd=tmp_path)
    assert (listed.returncode, "kill-job1-10-0-0-1-80" in listed.stdout) == (0, True)

    # A team changes one file and throws another one away; then a rule is added, and one loses its input.
    folder = tmp_path / "s" / "experiments"
    (folder / "kill-job1-10-0-0-1-80.yaml").write_text("ours")
    (folder / "pause-job1-10-0-0-1-80.yaml").unlink()
    server.rules[:] = [*server.rules[1:], rule(RULES + 1)]
    again = stormdrill(*adopt, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "new since: new rule Alert150{severity=warning}: provable" in again.stdout
    assert "new since: rule Alert0{severity=critical} is gone; it was cannot fire" in again.stdout
    assert "written:" not in again.stdout
    assert (folder / "kill-job1-10-0-0-1-80.yaml").read_text() == "ours"
    assert not (folder / "pause-job1-10-0-0-1-80.yaml").exists()


def test_a_run_breaks_nothing_before_people_have_said_how(server, tmp_path):
    adopt = ("adopt", "--prometheus", server.url, "--alertmanager", server.url, "--out", "s")
    assert stormdrill(*adopt, cwd=tmp_path).returncode == 0
    target = (tmp_path / "s" / "target.yaml").read_text()
    commands = [line.partition(": ")[2] for line in target.splitlines() if line.startswith("      ")]
    assert len(commands) == 5 * JOBS
    for command in {line.partition(" # ")[0] for line in commands}:
        said = subprocess.run(["sh", "-c", json.loads(command)], capture_output=True, text=True, check=False)
        assert said.returncode > 0
        assert "TODO" in said.stderr


def test_a_password_does_not_get_into_what_is_written_or_printed(server, tmp_path):
    inside = server.url.replace("http://", f"http://ci:{MARK}@")
    done = stormdrill("adopt", "--prometheus", inside, "--alertmanager", inside, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert server.asked[0][2].startswith("Basic ")
    everything = [done.stdout, done.stderr, *(file.read_text() for file in tmp_path.rglob("*") if file.is_file())]
    assert [one for one in everything if MARK in one] == []
    assert "password" in (tmp_path / "stormdrill" / "target.yaml").read_text()


def test_who_does_not_answer_is_said_and_nothing_is_written(tmp_path):
    done = stormdrill("adopt", "--prometheus", "http://127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 3
    assert "which rules there are nobody says" in done.stderr
    assert list(tmp_path.iterdir()) == []
