"""What the pager reads of each service's message, and what it refuses as that service would."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pager import messages
from services.pager.messages import KINDS, Refused, of_mail, read
from services.pager.settings import PagerSettings

EVENT = {
    "routing_key": "k",
    "event_action": "trigger",
    "dedup_key": "d",
    "payload": {"summary": "s", "source": "a", "severity": "critical", "custom_details": {"num_firing": "1"}},
}
CARD = {
    "type": "message",
    "attachments": [
        {"content": {"body": [{"type": "TextBlock", "text": "[FIRING:1] A", "color": "attention"}, {"text": "b"}]}}
    ],
}
WELL = {
    "pagerduty": ("v2/enqueue", EVENT),
    "slack": ("", {"attachments": [{"title": "[FIRING:1] A", "text": "b", "color": "danger"}]}),
    "opsgenie": ("v2/alerts", {"message": "A", "alias": "d", "priority": "P1", "description": "b"}),
    "msteams": ("", {"title": "[FIRING:1] A", "text": "b", "themeColor": "8C1A1A"}),
    "msteamsv2": ("", CARD),
    "telegram": ("botx/sendMessage", {"chat_id": "1", "text": "[FIRING:1] A b"}),
    "discord": ("", {"embeds": [{"title": "[FIRING:1] A", "description": "b", "color": 0x992D22}]}),
    "webhook": ("", {"version": "4", "status": "firing", "groupKey": "d", "alerts": []}),
}


def asked(kind, body, rest=None):
    return read(kind, WELL[kind][0] if rest is None else rest, json.dumps(body).encode())


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_is_read_as_people_read_it(kind):
    reading = asked(kind, WELL[kind][1])
    assert reading.status == "firing"
    assert kind == "webhook" or "A" in reading.title + reading.text or reading.title == "s"
    assert reading.key == ("d" if kind in ("pagerduty", "opsgenie", "webhook") else "")


@pytest.mark.parametrize(
    ("kind", "rest", "body"),
    [
        ("pagerduty", "v2/enqueue", {"routing_key": "k", "event_action": "resolve", "dedup_key": "d"}),
        ("opsgenie", "v2/alerts/d/close", {"source": "x"}),
        ("slack", "", {"attachments": [{"title": "quiet again", "text": "b", "color": "good"}]}),
        ("msteams", "", {"title": "[RESOLVED] A", "text": "b"}),
        ("discord", "", {"embeds": [{"title": "A", "color": 0x2ECC71}]}),
        ("telegram", "botx/sendMessage", {"chat_id": "1", "text": "[RESOLVED] A"}),
        ("telegram", "botx/sendMessage", {"chat_id": "1", "text": "\nAlerts Resolved:\nLabels:\n - alertname = A"}),
    ],
)
def test_that_it_is_over_is_told_apart(kind, rest, body):
    assert asked(kind, body, rest).status == "resolved"


def test_what_says_neither_is_neither():
    assert asked("slack", {"text": "look at this"}).status == ""
    assert asked("telegram", {"chat_id": "1", "text": "[FIRING] a, [RESOLVED] b"}).status == ""


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("pagerduty", EVENT | {"routing_key": ""}, "routing_key"),
        ("pagerduty", EVENT | {"event_action": "open"}, "event_action"),
        ("pagerduty", EVENT | {"payload": EVENT["payload"] | {"severity": "page"}}, "severity 'page' is none of"),
        ("pagerduty", EVENT | {"payload": EVENT["payload"] | {"summary": ""}}, "summary"),
        ("pagerduty", {"routing_key": "k", "event_action": "resolve"}, "dedup_key"),
        ("slack", {"channel": "#a"}, "no_text"),
        ("opsgenie", {"message": ""}, "message"),
        ("msteams", {}, "Summary or Text"),
        ("msteamsv2", {"attachments": []}, "without text"),
        ("telegram", {"chat_id": "1", "text": ""}, "text is empty"),
        ("discord", {"embeds": [{}]}, "empty message"),
        ("webhook", {"version": "4"}, "webhook"),
    ],
)
def test_what_the_service_would_refuse_is_refused(kind, body, reason):
    with pytest.raises(Refused, match=reason):
        asked(kind, body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["text", "attachments", "embeds", "title", "payload", "message", "content", "body", "fields", "color"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.sampled_from(sorted(KINDS)), st.text(max_size=12), JSON | st.just(EVENT))
def test_whatever_is_sent_is_read_or_refused(kind, rest, body):
    try:
        reading = read(kind, rest, json.dumps(body).encode())
    except Refused:
        return
    assert reading.status in ("firing", "resolved", "")
    assert messages.answer(kind, reading, 1)[0] in (200, 202, 204)


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=20))
def test_what_is_no_json_is_refused(kind, body):
    try:
        json.loads(body)
    except ValueError:
        with pytest.raises(Refused):
            read(kind, "", body)


def test_a_mail_is_read_without_its_markup():
    reading = of_mail(
        "[FIRING:1] A", "<html><head><style>p {}</style></head><body><p>shop-2\n is down</p></body></html>"
    )
    assert (reading.status, reading.title, reading.text) == ("firing", "[FIRING:1] A", "shop-2 is down")


@pytest.mark.parametrize(
    ("said", "known", "unknown"), [("a,b c/d", ["a", "b c/d"], ["d", ""]), ("*", ["a", "b,c"], [""])]
)
def test_whose_deliveries_are_accepted(monkeypatch, tmp_path, said, known, unknown):
    told = {"RECEIVERS": said, "JOURNAL": str(tmp_path / "j"), "MAIL": "127.0.0.1:2525"}
    for name, value in (told | {"INSTANCE": "pager", "METRICS_PORTS": "9000"}).items():
        monkeypatch.setenv(f"PAGER_{name}", value)
    settings = PagerSettings.from_environment()
    assert [settings.knows(one) for one in [*known, *unknown]] == [True] * len(known) + [False] * len(unknown)
    assert settings.mail is not None
    assert settings.mail.port == 2525
