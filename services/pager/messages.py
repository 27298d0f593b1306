"""What Alertmanager tells people by: each service's message, read as that service would read it.

A message says less than a webhook does: whom it is about is in its text, if at all. What is kept of it is what people
would read, and what the service would do with it: open, or close, under a key.
"""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

from pydantic import ValidationError

from services.pager.delivery import Message, Reading

_SEVERITIES = frozenset({"critical", "error", "warning", "info"})
_TEAMS_RED, _TEAMS_GREEN = "8C1A1A", "2DC72D"
_DISCORD_RED, _DISCORD_GREEN = 0x992D22, 0x2ECC71
_SLACK_COLOURS = {"danger": "firing", "good": "resolved"}
_TEAMS_COLOURS = {_TEAMS_RED: "firing", _TEAMS_GREEN: "resolved", "attention": "firing", "good": "resolved"}
_DISCORD_COLOURS = {_DISCORD_RED: "firing", _DISCORD_GREEN: "resolved"}


class Refused(ValueError):
    """The service would not take this message; says why."""


def read(kind: str, rest: str, body: bytes) -> Reading:
    """A message of this kind, `rest` being its path behind the kind. Raises Refused, KeyError for an unknown kind."""
    reader = _READERS[kind]
    try:
        return reader(rest.strip("/"), body)
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise error if isinstance(error, Refused) else Refused(f"not a message of {kind}: {error}") from error


def _object(body: bytes) -> dict[str, Any]:
    parsed = json.loads(body)
    if not isinstance(parsed, dict):
        raise Refused("not a JSON object")
    return parsed


def _pagerduty(_rest: str, body: bytes) -> Reading:
    event = _object(body)
    action, key = event.get("event_action"), str(event.get("dedup_key") or "")
    if not event.get("routing_key"):
        raise Refused("routing_key is missing")
    if action in ("resolve", "acknowledge"):
        if not key:
            raise Refused("dedup_key is missing")
        return Reading(status="resolved" if action == "resolve" else "", key=key)
    if action != "trigger":
        raise Refused(f"event_action {action!r} is none of trigger, acknowledge, resolve")
    payload = event.get("payload") or {}
    for name in ("summary", "source", "severity"):
        if not payload.get(name):
            raise Refused(f"payload.{name} is missing")
    if payload["severity"] not in _SEVERITIES:
        raise Refused(f"payload.severity {payload['severity']!r} is none of {', '.join(sorted(_SEVERITIES))}")
    details = payload.get("custom_details") or {}
    text = "\n".join(f"{name}: {value}" for name, value in details.items())
    return Reading(status="firing", key=key, severity=payload["severity"], title=payload["summary"], text=text)


def _slack(_rest: str, body: bytes) -> Reading:
    message = _object(body)
    shown = [part for part in message.get("attachments") or [] if isinstance(part, dict)]
    title = next((str(part["title"]) for part in shown if part.get("title")), "")
    text = [str(message.get("text") or ""), *(str(part.get("text") or part.get("fallback") or "") for part in shown)]
    text += [f"{each.get('title')}: {each.get('value')}" for part in shown for each in part.get("fields") or []]
    if not title and not any(text):
        raise Refused("no_text")
    colour = next((_SLACK_COLOURS.get(str(part.get("color"))) for part in shown), None)
    return _of_people(title, "\n".join(filter(None, text)), colour)


def _opsgenie(rest: str, body: bytes) -> Reading:
    place = rest.split("/")
    if place[:2] != ["v2", "alerts"]:
        raise Refused(f"{rest!r} is not v2/alerts")
    message = _object(body)
    if place[2:] and place[-1] == "close":
        return Reading(status="resolved", key=unquote(place[2]), text=str(message.get("note") or ""))
    if place[2:]:
        text = message.get("message") or message.get("description") or ""
        return Reading(status="firing", key=unquote(place[2]), text=str(text))
    if not message.get("message"):
        raise Refused("message is missing")
    return Reading(
        status="firing",
        key=str(message.get("alias") or ""),
        severity=str(message.get("priority") or ""),
        title=str(message["message"]),
        text=str(message.get("description") or ""),
    )


def _msteams(_rest: str, body: bytes) -> Reading:
    card = _object(body)
    title, text = str(card.get("title") or card.get("summary") or ""), str(card.get("text") or "")
    if not title and not text:
        raise Refused("Summary or Text is required")
    return _of_people(title, text, _TEAMS_COLOURS.get(str(card.get("themeColor")).upper()))


def _msteamsv2(_rest: str, body: bytes) -> Reading:
    cards = _object(body)["attachments"]
    blocks = [block for card in cards for block in card["content"]["body"] if block.get("text")]
    if not blocks:
        raise Refused("a card without text")
    colour = next((_TEAMS_COLOURS.get(str(block.get("color")).lower()) for block in blocks), None)
    return _of_people(str(blocks[0]["text"]), "\n".join(str(block["text"]) for block in blocks[1:]), colour)


def _telegram(rest: str, body: bytes) -> Reading:
    if not rest.endswith("/sendMessage"):
        raise Refused(f"{rest!r} is no sendMessage")
    message = _object(body)
    if not message.get("text"):
        raise Refused("Bad Request: message text is empty")
    if not message.get("chat_id"):
        raise Refused("Bad Request: chat_id is empty")
    return _of_people("", str(message["text"]), None)


def _discord(_rest: str, body: bytes) -> Reading:
    message = _object(body)
    shown = message.get("embeds") or []
    title = next((str(part["title"]) for part in shown if part.get("title")), "")
    text = [str(message.get("content") or ""), *(str(part.get("description") or "") for part in shown)]
    if not title and not any(text):
        raise Refused("Cannot send an empty message")
    return _of_people(title, "\n".join(filter(None, text)), next((_DISCORD_COLOURS.get(one["color"]) for one in shown
                                                                   if "color" in one), None))  # fmt: skip


def _webhook(_rest: str, body: bytes) -> Reading:
    try:
        message = Message.model_validate_json(body)
    except ValidationError as error:
        raise Refused(f"not a webhook message: {error.error_count()} fields are wrong") from error
    names = dict.fromkeys(alert.labels.get("alertname", "") for alert in message.alerts)
    return Reading(status=message.status, key=message.groupKey, title=", ".join(names))


def _of_people(title: str, text: str, by_colour: str | None) -> Reading:
    """A message that nothing but its words, and by Alertmanager's own templates its colour, says the status of."""
    words = f"{title}\n{text}".upper()
    said = [status for status in ("firing", "resolved") if f"[{status.upper()}" in words]
    # As Telegram's template has it; while one alert of a group fires, the group does.
    listed = [status for status in ("firing", "resolved") if f"ALERTS {status.upper()}:" in words]
    status = said[0] if len(said) == 1 else by_colour or next(iter(listed), "")
    return Reading(status=status, title=title, text=text)


def of_mail(subject: str, text: str) -> Reading:
    """A mail by its subject and its text, which may be HTML."""
    return _of_people(subject, _shown(text) if "<html" in text.lower() else text, None)


class _Shown(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "script", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.words.append(" ".join(data.split()))


def _shown(html: str) -> str:
    parser = _Shown()
    parser.feed(html)
    return "\n".join(parser.words)


_READERS: dict[str, Callable[[str, bytes], Reading]] = {
    "pagerduty": _pagerduty,
    "slack": _slack,
    "opsgenie": _opsgenie,
    "msteams": _msteams,
    "msteamsv2": _msteamsv2,
    "telegram": _telegram,
    "discord": _discord,
    "webhook": _webhook,
}
KINDS = frozenset(_READERS)
"""What a message posted to the pager may be, beside mail."""


def answer(kind: str, reading: Reading, seq: int) -> tuple[int, dict[str, Any] | str | None]:
    """The status and the body with which the service answers what it took; its client looks at them."""
    match kind:
        case "pagerduty":
            return 202, {"status": "success", "message": "Event processed", "dedup_key": reading.key or str(seq)}
        case "slack":
            return 200, "ok"
        case "opsgenie":
            return 202, {"result": "Request will be processed", "took": 0.0, "requestId": str(seq)}
        case "msteams":
            return 200, "1"
        case "telegram":
            chat = {"id": 1, "type": "private"}
            return 200, {"ok": True, "result": {"message_id": seq, "date": 0, "chat": chat, "text": reading.text}}
        case "discord":
            return 204, None
    return 200, {"seq": seq}
