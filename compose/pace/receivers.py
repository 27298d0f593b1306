"""Receivers in drill time: each sends to the pager what it would send to people, and nobody else is reached.

What the pager speaks (PagerDuty, Slack, Opsgenie, Microsoft Teams, Telegram, Discord, mail) keeps its kind and all that
shapes the message; its address moves, and keys, passwords, proxies and certificates are left out. Anything else becomes
a webhook. Such messages do not say which instances fire, so a receiver that is more than one webhook is given another
one, which does: the witness.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

_SILENT_BY_DEFAULT = frozenset({"email_configs", "rocketchat_configs", "slack_configs", "wechat_configs"})
"""Whose `send_resolved` is false where nothing is said (Alertmanager's documentation of each)."""
_KEY = "stormdrill"
"""In place of keys and tokens, without which Alertmanager takes no such receiver."""
RECEIVER_HEADER = "X-Stormdrill-Receiver"
"""The header by which the pager knows whose mail it is."""


@dataclass(frozen=True, slots=True)
class _Spoken:
    """One kind of message that the pager takes."""

    kind: str
    address: str
    """The key that says where it is sent."""
    path: str = ""
    left_out: frozenset[str] = frozenset()
    put: Mapping[str, str] = field(default_factory=dict)


_SPOKEN = {
    # With a service_key (Events v1) Alertmanager sends to PagerDuty whatever `url` says.
    "pagerduty_configs": _Spoken(
        "pagerduty", "url", "/v2/enqueue", frozenset({"service_key", "service_key_file", "routing_key_file"}),
        {"routing_key": _KEY},
    ),
    "slack_configs": _Spoken(
        "slack", "api_url", "", frozenset({"api_url_file", "app_token", "app_token_file", "app_url"})
    ),
    "opsgenie_configs": _Spoken("opsgenie", "api_url", "/", frozenset({"api_key_file"}), {"api_key": _KEY}),
    "msteams_configs": _Spoken("msteams", "webhook_url", "", frozenset({"webhook_url_file"})),
    "msteamsv2_configs": _Spoken("msteamsv2", "webhook_url", "", frozenset({"webhook_url_file"})),
    "telegram_configs": _Spoken(
        "telegram", "api_url", "", frozenset({"bot_token_file", "chat_id_file"}), {"bot_token": _KEY}
    ),
    "discord_configs": _Spoken("discord", "webhook_url", "", frozenset({"webhook_url_file"})),
}  # fmt: skip
_OF_MAIL = frozenset({"to", "from", "hello", "headers", "html", "text", "send_resolved", "threading"})
_OF_WEBHOOKS = frozenset({"send_resolved", "max_alerts", "timeout"})
_SECRET = ("http_config", "tls_config")


@dataclass(frozen=True, slots=True)
class Pager:
    """Where the pager of a drill is."""

    url: str
    mail: str = ""
    """`host:port` at which it takes mail; empty: it takes none, and mail becomes a webhook."""
    ways: Mapping[str, str] = field(default_factory=dict)
    """Addresses of it that single receivers use in place of `url`."""


@dataclass(frozen=True, slots=True)
class Redirected:
    """A receiver of a drill, and what it is not any more."""

    body: dict[str, Any]
    kinds: tuple[str, ...]
    """Of the messages it sends beside the witness."""
    replaced: tuple[str, ...]


def redirect(receiver: Mapping[str, Any], pager: Pager, defaults: Mapping[str, Any]) -> Redirected:
    """A receiver's copy; `defaults` is the `global` section of its file."""
    name = str(receiver["name"])
    ways = [(key, way) for key, many in receiver.items() if key.endswith("_configs") for way in many or []]
    if not ways:
        return Redirected({"name": receiver["name"]}, (), ())
    body: dict[str, Any] = {"name": receiver["name"]}
    base = pager.ways.get(name, pager.url).rstrip("/")
    # Escaped twice: Opsgenie's path is put together anew by Alertmanager, which would undo one.
    messages = f"{base}/messages/{quote(quote(name, safe=''), safe='')}"
    witness = f"{base}/receivers/{quote(name, safe='')}"
    alone = len(ways) == 1 and not _keeps_its_kind(ways[0][0], pager)
    kinds, replaced = [], []
    for key, way in ways:
        if lost := _lost(key, way):
            replaced.append(f"{name}: {key}: without {', '.join(lost)}")
        if _keeps_its_kind(key, pager):
            spoken, copy = _kept(key, way, name, messages, pager, defaults)
            body.setdefault(key, []).append(copy)
            kinds.append(spoken)
            continue
        if key != "webhook_configs":
            why = "mail, and no address for mail was given" if key == "email_configs" else "the pager does not speak it"
            replaced.append(f"{name}: {key}: became a webhook ({why})")
        copy = {"url": witness if alone else f"{messages}/webhook"} | _as_webhook(key, way)
        body.setdefault("webhook_configs", []).append(copy)
        kinds += [] if alone else ["webhook"]
    if not alone:
        told = any(says_resolved(key, way) for key, way in ways)
        body["webhook_configs"] = [{"url": witness, "send_resolved": told}, *body.get("webhook_configs", [])]
    return Redirected(body, tuple(kinds), tuple(replaced))


def says_resolved(key: str, way: Mapping[str, Any]) -> bool:
    """Whether an integration tells that an alert is resolved."""
    said = way.get("send_resolved")
    return key not in _SILENT_BY_DEFAULT if said is None else is_true(said)


def is_true(written: object) -> bool:
    """Of a truth, parsed or as text."""
    return str(written).lower() in {"true", "yes", "on", "y"}


def _keeps_its_kind(key: str, pager: Pager) -> bool:
    return key in _SPOKEN or (key == "email_configs" and pager.mail != "")


def _kept(
    key: str, way: Mapping[str, Any], name: str, messages: str, pager: Pager, defaults: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    if key == "email_configs":
        return "email", _mail(way, name, pager, defaults)
    spoken = _SPOKEN[key]
    gone = {spoken.address, *spoken.left_out, *spoken.put, *_SECRET}
    copy = {one: value for one, value in way.items() if one not in gone}
    if spoken.kind == "telegram" and not copy.get("chat_id"):
        copy["chat_id"] = 1
    return spoken.kind, copy | {spoken.address: f"{messages}/{spoken.kind}{spoken.path}"} | dict(spoken.put)


def _mail(way: Mapping[str, Any], name: str, pager: Pager, defaults: Mapping[str, Any]) -> dict[str, Any]:
    copy = {key: value for key, value in way.items() if key in _OF_MAIL}
    sender = way.get("from") or defaults.get("smtp_from") or "alertmanager@example.com"
    hello = way.get("hello") or defaults.get("smtp_hello")
    headers = dict(way.get("headers") or {}) | {RECEIVER_HEADER: quote(quote(name, safe=""), safe="")}
    copy |= {"from": sender, "smarthost": pager.mail, "require_tls": False, "headers": headers}
    return copy | ({"hello": hello} if hello else {})


def _as_webhook(key: str, way: Mapping[str, Any]) -> dict[str, Any]:
    if key == "webhook_configs":
        return {one: value for one, value in way.items() if one in _OF_WEBHOOKS}
    return {"send_resolved": says_resolved(key, way)}


def _lost(key: str, way: Mapping[str, Any]) -> list[str]:
    """What is left out of a copy beside its address, by name."""
    if key == "webhook_configs":
        return sorted(way.keys() - _OF_WEBHOOKS - {"url"})
    if key == "email_configs":
        return sorted(way.keys() - _OF_MAIL - {"smarthost", "require_tls"})
    spoken = _SPOKEN.get(key)
    return sorted(way.keys() & {*spoken.left_out, *spoken.put, *_SECRET}) if spoken else []
