"""Receivers in drill time: each kind that the pager speaks stays, others become webhooks, and nobody else is met."""

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from hypothesis import given
from hypothesis import strategies as st

from compose.drill_time import DRILL, generate
from compose.pace.receivers import RECEIVER_HEADER, Pager, says_resolved
from compose.pace.routing import DrillRouting, receiver_urls, scale_routing
from compose.pace.timing import Durations

URL = "http://127.0.0.1:9"
PAGER = Pager(URL, "127.0.0.1:25")
SECRET = "marked-secret"  # what must not be in the copy
# One of each, with a secret wherever its documentation has one.
HTTP = {"proxy_url": f"http://{SECRET}:3128", "authorization": {"credentials_file": f"/etc/{SECRET}"}}
KINDS = {
    "pagerduty_configs": {"routing_key": SECRET, "severity": "{{ .CommonLabels.severity }}", "description": "d"},
    "slack_configs": {"api_url": f"https://{SECRET}/x", "channel": "#alerts", "title": "t", "text": "{{ .Status }}"},
    "opsgenie_configs": {"api_key": SECRET, "api_url": f"https://{SECRET}/", "message": "m", "priority": "P1"},
    "msteams_configs": {"webhook_url": f"https://{SECRET}/", "title": "t"},
    "msteamsv2_configs": {"webhook_url_file": f"/etc/{SECRET}", "title": "t"},
    "telegram_configs": {"bot_token": SECRET, "chat_id": 7, "message": "m"},
    "discord_configs": {"webhook_url": f"https://{SECRET}/", "title": "t"},
    "email_configs": {"to": "boss@example.com", "auth_password": SECRET, "auth_username": SECRET,
                      "smarthost": f"{SECRET}:587", "tls_config": {"ca_file": f"/{SECRET}"}, "html": "<b>h</b>"},
    "webhook_configs": {"url_file": f"/etc/{SECRET}", "max_alerts": 3},
    "victorops_configs": {"api_key": SECRET, "routing_key": "r"},
    "pushover_configs": {"token": SECRET, "user_key": SECRET},
    "sns_configs": {"topic_arn": "t", "sigv4": {"secret_key": SECRET}},
    "webex_configs": {"room_id": "r", "http_config": {"authorization": {"credentials": SECRET}}},
    "wechat_configs": {"api_secret": SECRET, "corp_id": "c"},
    "something_new_configs": {"token": SECRET},
}  # fmt: skip
KEPT = {
    "pagerduty_configs": "pagerduty", "slack_configs": "slack", "opsgenie_configs": "opsgenie",
    "msteams_configs": "msteams", "msteamsv2_configs": "msteamsv2", "telegram_configs": "telegram",
    "discord_configs": "discord", "email_configs": "email",
}  # fmt: skip
ADDRESSES = {"url", "api_url", "webhook_url", "smarthost"}
# What the copy has of its own: an address, and keys without which there is no such receiver.
OWN = ADDRESSES | {"routing_key", "api_key", "bot_token", "chat_id", "from", "require_tls", "headers"}
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)


@st.composite
def receivers(draw) -> dict:
    receiver: dict = {"name": draw(NAMES)}
    for key in draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=4, unique=True)):
        ways = []
        for _ in range(draw(st.integers(1, 2))):
            way = dict(KINDS[key])
            if draw(st.booleans()):
                way["http_config"] = HTTP
            ways.append(way | draw(st.sampled_from([{}, {"send_resolved": True}, {"send_resolved": False}])))
        receiver[key] = ways
    return receiver


def redirected(*bodies: dict, pager: Pager = PAGER, **rest: object) -> DrillRouting:
    document = {"route": {"receiver": bodies[0]["name"]}, "receivers": list(bodies), **rest}
    return scale_routing(document, pager, Durations(DRILL), "alertmanager.yml")


def addresses(tree: object) -> list[str]:
    if isinstance(tree, dict):
        own = [str(value) for key, value in tree.items() if key in ADDRESSES and isinstance(value, str)]
        return own + [found for value in tree.values() for found in addresses(value)]
    return [found for each in tree for found in addresses(each)] if isinstance(tree, list) else []


@given(receivers())
def test_whatever_people_have_is_taken_and_reaches_the_pager_alone(receiver):
    drill = redirected(receiver, **{"global": {"slack_api_url": SECRET, "smtp_auth_password": SECRET}})
    (copy,) = drill.document["receivers"]
    assert copy["name"] == receiver["name"]
    assert SECRET not in json.dumps([drill.document, drill.replaced])
    assert all(each.startswith(f"{URL}/") or each == PAGER.mail for each in addresses(copy))
    ways = [(key, way) for key, many in receiver.items() if key != "name" for way in many]
    assert bool(copy.get("webhook_configs")) is bool(ways), "somebody is told, and no webhook says which instances"
    if ways:
        witness = copy["webhook_configs"][0]
        assert unquote(urlsplit(witness["url"]).path) == f"/receivers/{receiver['name']}"
        assert sum("/receivers/" in each for each in addresses(copy)) == 1, "each page would be counted twice"
        assert witness.get("send_resolved", True) is any(says_resolved(*each) for each in ways)
    for key, way in ways:
        assert key in KEPT or key == "webhook_configs" or any(key in note for note in drill.replaced), key
        assert "http_config" not in way or any("http_config" in n or key in n for n in drill.replaced)


@given(receivers())
def test_a_kind_that_the_pager_speaks_says_what_it_said(receiver):
    (copy,) = redirected(receiver).document["receivers"]
    for key, kind in KEPT.items():
        for before, after in zip(receiver.get(key, []), copy.get(key, []), strict=True):
            assert after.get("send_resolved") == before.get("send_resolved")
            shown = {name: value for name, value in after.items() if name not in OWN}
            assert shown == {name: before[name] for name in shown}
            assert before.keys() - after.keys() <= {
                "http_config", "tls_config", "auth_password", "auth_username", "webhook_url_file"
            }  # fmt: skip
            (address,) = [value for name, value in after.items() if name in ADDRESSES]
            path = urlsplit(address).path.split("/") if key != "email_configs" else None
            name = unquote(unquote(path[2] if path else after["headers"][RECEIVER_HEADER]))
            assert name == receiver["name"]
            assert path is None or path[3] == kind


def test_one_webhook_stays_one_webhook():
    hook = {"url": "http://x.example.com/", "send_resolved": False, "max_alerts": 5, "http_config": HTTP}
    drill = redirected({"name": "ops", "webhook_configs": [hook]})
    assert drill.document["receivers"] == [
        {
            "name": "ops",
            "webhook_configs": [{"url": f"{URL}/receivers/ops", "send_resolved": False, "max_alerts": 5}],
        }
    ]
    assert drill.messages == {}
    assert drill.replaced == ("ops: webhook_configs: without http_config",)


def test_names_of_the_operator_are_escaped():
    slack = {"name": "mon/team a/#1", "slack_configs": [{"api_url": "https://x"}]}
    drill = redirected(slack).document
    assert receiver_urls(drill) == {"mon/team a/#1": f"{URL}/receivers/mon%2Fteam%20a%2F%231"}
    assert drill["receivers"][0]["slack_configs"][0]["api_url"].startswith(
        f"{URL}/messages/mon%252Fteam%2520a%252F%25231/"
    )


def test_mail_becomes_a_webhook_where_nobody_takes_mail():
    drill = redirected({"name": "ops", "email_configs": [{"to": "a@example.com"}]}, pager=Pager(URL))
    assert drill.document["receivers"] == [
        {"name": "ops", "webhook_configs": [{"url": f"{URL}/receivers/ops", "send_resolved": False}]}
    ]
    assert "no address for mail" in drill.replaced[0]


def test_events_of_version_one_would_reach_pagerduty_and_do_not():
    drill = redirected({"name": "ops", "pagerduty_configs": [{"service_key": SECRET}]}).document
    (way,) = drill["receivers"][0]["pagerduty_configs"]
    assert way == {"routing_key": "stormdrill", "url": f"{URL}/messages/ops/pagerduty/v2/enqueue"}


def test_the_manifest_lists_what_is_sent_and_what_was_replaced(tmp_path):
    (tmp_path / "rules.yml").write_text("groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]")
    file = tmp_path / "am.yml"
    file.write_text("""
route: {receiver: oncall, routes: [{receiver: oncall, continue: false}]}
templates: [templates/*.tmpl]
receivers:
  - name: oncall
    pagerduty_configs: [{routing_key: abc}]
    email_configs: [{to: boss@example.com}]
    pushover_configs: [{token: x, user_key: y, send_resolved: no}]
""")
    generate(tmp_path / "rules.yml", file, Pager(URL, "127.0.0.1:25"), tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["messages"] == {"oncall": ["pagerduty", "email", "webhook"]}
    assert any("pushover_configs: became a webhook" in note for note in manifest["replaced"])
    written = yaml.safe_load((tmp_path / "out" / "alertmanager.yml").read_text())
    assert written["templates"] == [str(Path(tmp_path).resolve() / "templates/*.tmpl")]
    assert written["route"]["routes"][0]["continue"] is False
    assert written["receivers"][0]["email_configs"][0]["to"] == "boss@example.com"
