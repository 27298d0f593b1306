"""How fast a target runs where it says so, where its servers do, and where nobody can tell."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.errors import StackUnreachable
from chaos.observe import pace
from chaos.spec import experiment as experiments
from chaos.spec.loads import PathsLoad
from chaos.spec.pace import Pace
from chaos.spec.target import Alerting, Instance, Urls
from compose.settings import ROOT
from tests.fakes import FakeClock, system
from tests.unit.chaos.spec.test_experiment import KNOWN

EXPERIMENT = experiments.read(ROOT / "chaos" / "experiments" / "kill-instance.yaml", KNOWN)
NOBODY = "http://127.0.0.1:9"
ROUTING = """
route:
  receiver: pager
  group_wait: 30s
  group_interval: 5m
receivers: [{ name: pager, webhook_configs: [{ url: x }] }]
"""


def rule(name, query, **more):
    return {"name": name, "type": "alerting", "query": query, "duration": 60, "health": "ok", "alerts": [], **more}


def scraped(job, every):
    return {"labels": {"job": job, "instance": job}, "scrapePool": f"monitor/{job}", "scrapeInterval": every}


RULES = [
    rule("ShopInstanceDown", 'up{job="shop"} == 0'),
    rule("HAProxyServerDown", 'haproxy_server_status{job=~"ha.*"} == 0'),
    rule("Patient", 'up{job="hourly"} == 0', duration=86_400),
]
ANSWERS = {
    "/api/v1/targets": {
        "data": {"activeTargets": [scraped("shop", "15s"), scraped("haproxy", "30s"), scraped("hourly", "1h")]}
    },
    "/api/v1/rules": {"data": {"groups": [{"name": "g", "interval": 20, "rules": RULES}]}},
    "/api/v2/status": {"config": {"original": ROUTING}, "versionInfo": {"version": "0.25.0"}},
}


class Servers(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"status": "success", **ANSWERS[self.path.partition("?")[0]]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def servers():
    with ThreadingHTTPServer(("127.0.0.1", 0), Servers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def target(folder, url, alertmanager=None, **changes):
    urls = Urls(NOBODY, url, alertmanager or url, NOBODY)
    return msgspec.structs.replace(system(folder).target, **{"urls": urls, "alerting": Alerting("pager")} | changes)


def test_a_stack_of_ours_says_so(tmp_path):
    assert pace.of(target(tmp_path, NOBODY, pace=10), EXPERIMENT, FakeClock()) == Pace.of_ours(10)


def test_the_slowest_of_what_its_alerts_read_is_a_beat(tmp_path, servers):
    told = pace.of(target(tmp_path, servers), EXPERIMENT, FakeClock())
    assert (told.beat, told.stretch, told.look) == (30.0, 1.0, 1.0)
    # Whatever else there is has to be scraped once before a run.
    assert told.slowest == 3600.0
    assert told.calm_seconds == 3 * 3600.0
    # Detected, a minute of `for`, the group; over, detected, and the group's turn; and a little more. No day.
    assert told.owed == 50 + 60 + 30 + 300 + 50 + 300 + 5 * 30


def test_without_alerting_only_its_own_questions_are_waited_for(tmp_path, servers):
    alone = target(tmp_path, servers, alerting=None)
    assert pace.of(alone, EXPERIMENT, FakeClock()).beat == 1.0
    check = msgspec.structs.replace(EXPERIMENT.steady_state[0], query='sum(up{job!="hourly"})')
    asks = msgspec.structs.replace(EXPERIMENT, steady_state=[check])
    assert pace.of(alone, asks, FakeClock()).beat == 30.0


def test_where_nobody_tells_no_guess_is_made(tmp_path, servers):
    for prometheus, alertmanager in ((NOBODY, NOBODY), (servers, NOBODY)):
        clock, said = FakeClock(), []
        with pytest.raises(StackUnreachable, match="how fast its rules and scrapes run cannot be told"):
            pace.of(target(tmp_path, prometheus, alertmanager), EXPERIMENT, clock, said.append)
        assert said
        assert clock.now > 100 + pace.TOLD_WITHIN_SECONDS


@given(st.floats(0.05, 100.0), st.integers(0, 5))
def test_of_users_who_come_rarely_a_run_waits_until_there_is_something_to_say(rate, serving):
    instances = {f"i-{number}": Instance("i", serves_users=True) for number in range(serving)}
    with TemporaryDirectory() as folder:
        alone = target(Path(folder), "", alerting=None)
    load = PathsLoad(paths=["/"], rate=rate)
    found = pace.of(msgspec.structs.replace(alone, load=load, instances=instances), EXPERIMENT, FakeClock())
    assert found.baseline_seconds * rate >= 20 * max(1, serving) - 1e-6
    assert found.settled_seconds * rate >= 20 - 1e-6
    assert (found.telling, found.met) == (0.0, 0.0) or rate < max(10, 4 * serving)


def test_without_prometheus_nothing_has_to_be_waited_for(tmp_path):
    alone = target(tmp_path, "", alerting=None)
    assert pace.of(alone, EXPERIMENT, FakeClock()) == Pace()
