"""The pager: 200 means on disk, everything else is kept as refused, and the switch follows Watchdog."""

import contextlib
import json
import resource
import time

import httpx
import psutil
import pytest

from tests.component import bodies
from tests.waiting import until

pytestmark = pytest.mark.stack


@pytest.fixture
def pager(stack):
    with httpx.Client(base_url=stack.url("pager"), timeout=10) as client:
        yield client


@pytest.fixture
def journal(stack):
    return stack.settings.state / "data" / "pager" / "deliveries.ndjson"


def message(alertname, status="firing"):
    alert = {
        "status": status,
        "labels": {"alertname": alertname, "severity": "warning"},
        "annotations": {"summary": "a test"},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://127.0.0.1/graph",
        "fingerprint": "0123456789abcdef",
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{alertname}"}}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "fallback",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://127.0.0.1",
        "alerts": [alert],
    }


def last_seq(pager):
    return pager.get("/deliveries").json()["last_seq"]


def arrived(pager, after, receiver="fallback"):
    """Return what arrived since; the stack's own Watchdog comes in between."""
    deliveries = pager.get("/deliveries", params={"after": after}).json()["deliveries"]
    return [each for each in deliveries if each["receiver"] == receiver]


def lines(journal):
    # The last line may be half written.
    return {line["seq"]: line for line in map(json.loads, journal.read_text().rpartition("\n")[0].splitlines())}


def test_an_accepted_delivery_is_in_the_journal_before_the_answer(pager, journal):
    before = time.time()
    response = pager.post("/receivers/fallback", json=message("Accepted", "resolved"))
    line = lines(journal)[response.json()["seq"]]
    assert response.status_code == 200
    assert (line["receiver"], line["accepted"], line["reason"], line["status"]) == ("fallback", True, None, "resolved")
    assert line["groupKey"] == '{}:{alertname="Accepted"}'
    assert before <= line["received_at"] <= time.time()
    assert 0 < line["boottime"] <= time.clock_gettime(time.CLOCK_BOOTTIME)
    assert line["alerts"] == message("Accepted", "resolved")["alerts"]


def test_deliveries_are_given_out_after_a_number(pager):
    before = last_seq(pager)
    seq = pager.post("/receivers/fallback", json=message("Given")).json()["seq"]
    assert [each["seq"] for each in arrived(pager, before)] == [seq]
    assert arrived(pager, seq) == []
    assert pager.get("/deliveries", params={"after": "x"}).status_code == 422


def refused_unknown(stack):
    text = httpx.get(f"http://127.0.0.1:{stack.topology.one('pager').metrics_ports[0]}/metrics").text
    (line,) = (line for line in text.splitlines() if line.startswith("pager_deliveries_total{") and "unknown" in line
               and "refused" in line)  # fmt: skip
    return float(line.rpartition(" ")[2])


def test_an_unknown_receiver_is_refused_and_counted_and_leaves_nothing(stack, pager, journal):
    before, counted = last_seq(pager), refused_unknown(stack)
    length = journal.stat().st_size
    for _ in range(50):
        assert pager.post("/receivers/nobody", json=message("Refused")).status_code == 404
    assert refused_unknown(stack) == counted + 50
    assert arrived(pager, before, receiver="nobody") == []
    # The stack's own heartbeats come meanwhile; fifty of ours would be longer.
    assert journal.stat().st_size - length < 50 * len(json.dumps(message("Refused")))
    assert "nobody" not in journal.read_text()


@pytest.mark.parametrize("body", ["announced", "in pieces"])
def test_a_message_that_is_too_long_is_refused_and_kept_as_refused(stack, pager, journal, body):
    before = last_seq(pager)
    assert bodies.answer_to_one_too_long(stack.url("pager"), "/receivers/fallback", 1_000_000, body) == 413
    (delivery,) = arrived(pager, before)
    assert (delivery["accepted"], delivery["reason"]) == (False, "invalid payload: too large")
    assert lines(journal)[delivery["seq"]] == delivery


@pytest.mark.parametrize(
    "body", ["", "no JSON", "{}", '{"version": "4"}', "\udcff", json.dumps(message("x") | {"version": "3"})]
)
def test_an_invalid_payload_is_refused_and_kept(pager, journal, body):
    before = last_seq(pager)
    response = pager.post("/receivers/fallback", content=body.encode(errors="surrogateescape"))
    assert response.status_code == 400
    (delivery,) = arrived(pager, before)
    assert not delivery["accepted"]
    assert delivery["reason"].startswith("invalid payload")
    assert lines(journal)[delivery["seq"]] == delivery


@contextlib.contextmanager
def no_room(port):
    """Let no file of the process that listens on the port grow."""
    listening = {
        each.pid for each in psutil.net_connections("tcp") if each.status == "LISTEN" and each.laddr.port == port
    }
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in listening}
    assert limits
    for pid, (_, hard) in limits.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        for pid, limit in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)


def test_what_cannot_be_stored_is_refused_and_written_as_soon_as_it_can(stack, pager, journal):
    before = last_seq(pager)
    with no_room(stack.topology.one("pager").port):
        response = pager.post("/receivers/fallback", json=message("NoRoom"))
        assert response.status_code == 500
        assert response.headers["content-type"] == "application/problem+json"
        (refused,) = arrived(pager, before)
        assert not refused["accepted"]
        assert refused["reason"].startswith("storage")
        assert refused["seq"] not in lines(journal)
    # The pager tries again every half second.
    until(lambda: refused["seq"] in lines(journal))
    assert lines(journal)[refused["seq"]] == refused
    accepted = pager.post("/receivers/fallback", json=message("Room")).json()["seq"]
    assert lines(journal)[accepted]["accepted"]
    assert list(lines(journal)) == sorted(lines(journal)), "lines are in the order of arrival"


def test_the_switch_follows_watchdog(pager):
    pager.post("/receivers/deadman", json=message("Watchdog"))
    switch = pager.get("/deadman").json()
    assert switch["receiver"] == "deadman"
    assert switch["alive"]
    assert 0 <= switch["age_seconds"] < 5
    assert abs(time.time() - switch["last_seen"]) < 5
