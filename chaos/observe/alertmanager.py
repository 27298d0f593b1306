"""Alertmanager as a witness: which alerts it has, and which of them it tells nobody for the sake of another."""

import re
from collections import defaultdict
from typing import Any

import httpx

from chaos.errors import SignalUnavailable
from chaos.facts.alerts import AlertmanagerConfigured, AlertmanagerSeen, Counted, NotificationsCounted, TakenAlert
from chaos.facts.clocks import ClockSeen
from chaos.facts.inventory import Silence
from chaos.observe import clocks
from chaos.reach.http import JsonApi, understood
from chaos.spec.door import Address

_URL = re.compile(r"^[\s-]*\w*url: .*$", re.MULTILINE)
"""A line of a configuration as it tells it; a matcher may look like a URL as well, and is kept."""
_USER_INFO = re.compile(r"(\w://)[^\s/@\"']*@")
_BEHIND_THE_HOST = re.compile(r"(\w://[^\s/?\"']+)[/?][^\s\"']*")
"""A path may be a key too, as those of chats are."""

_SENT, _FAILED = "alertmanager_notifications_total", "alertmanager_notifications_failed_total"
_SAMPLE = re.compile(r"^(\w+)\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Alertmanager:
    """One Alertmanager, or several that are one cluster."""

    def __init__(self, address: Address, transport: httpx.BaseTransport | None = None) -> None:
        self._api = JsonApi("Alertmanager", address, transport)
        self._last: list[TakenAlert] | None = None

    def look(self, at: float) -> AlertmanagerSeen:
        """Its alerts where they changed since the last look. Never raises: that it did not answer is a fact too."""
        try:
            with understood("Alertmanager"):
                taken = _taken(self._api.get("/api/v2/alerts"))
        except SignalUnavailable as error:
            self._last = None
            return AlertmanagerSeen(at, str(error))
        alerts = sorted(taken, key=lambda alert: (alert.name, sorted(alert.labels.items())))
        if alerts == self._last:
            return AlertmanagerSeen(at, None)
        self._last = alerts
        return AlertmanagerSeen(at, None, alerts)

    def configured(self) -> AlertmanagerConfigured:
        """Its configuration. Never raises: that it did not answer is a fact too."""
        try:
            with understood("Alertmanager"):
                status = self._api.get("/api/v2/status")
                config, version = without_secrets(status["config"]["original"]), status["versionInfo"]["version"]
        except SignalUnavailable as error:
            return AlertmanagerConfigured(0.0, "", "", str(error))
        return AlertmanagerConfigured(0.0, config, version)

    def peers(self) -> int:
        """How many its cluster has, itself included; 0 where it has none, or gives no answer."""
        try:
            with understood("Alertmanager"):
                return len((self._api.get("/api/v2/status").get("cluster") or {}).get("peers") or [])
        except SignalUnavailable:
            return 0

    def silences(self) -> tuple[Silence, ...]:
        """Those in force. Raises SignalUnavailable."""
        with understood("Alertmanager"):
            return silences_of(self._api.get("/api/v2/silences"))

    def counted(self, at: float) -> NotificationsCounted:
        """Its own counters of notifications. Never raises: that it did not answer is a fact too."""
        try:
            text = self._api.text("/metrics")
        except SignalUnavailable as error:
            return NotificationsCounted(at, [], str(error))
        sent, failed = _counters(text, _SENT), _counters(text, _FAILED)
        if not sent:
            return NotificationsCounted(at, [], "Alertmanager: /metrics: no counters of notifications")
        return NotificationsCounted(at, [Counted(*key, sent[key], failed.get(key, 0.0)) for key in sorted(sent)])

    def compare_clock(self, now: clocks.Now, wall: float) -> ClockSeen:
        """How far its clock is ahead of ours; it tells it in whole seconds."""
        return clocks.compare("Alertmanager", wall, now, lambda: self._api.time("/api/v2/status"), 1.0)

    def close(self) -> None:
        """Close its connections."""
        self._api.close()


def without_secrets(config: str) -> str:
    """A configuration without what lets somebody in by URL: until 0.26 those of webhooks are told as they are."""
    return _URL.sub(lambda line: _BEHIND_THE_HOST.sub(r"\1", _USER_INFO.sub(r"\1", line[0])), config)


def silences_of(answer: list[dict[str, Any]]) -> tuple[Silence, ...]:
    """Those in force, of what it says of all."""
    return tuple(
        Silence(
            one["id"],
            one["createdBy"],
            one["endsAt"],
            tuple((each["name"], _operator(each), each["value"]) for each in one["matchers"]),
        )
        for one in answer
        if one["status"]["state"] == "active"
    )


def _operator(matcher: dict[str, Any]) -> str:
    # Alertmanagers before 0.22 do not know isEqual.
    words = {(True, True): "=~", (True, False): "!~", (False, True): "=", (False, False): "!="}
    return words[bool(matcher["isRegex"]), bool(matcher.get("isEqual", True))]


def _counters(text: str, name: str) -> dict[tuple[str, str], float]:
    """Integration and receiver → what is counted; the latter is told only where Alertmanager was asked to."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for metric, labels, value in _SAMPLE.findall(text):
        if metric == name:
            said = {label: _plain(text) for label, text in _LABEL.findall(labels)}
            found[said.get("integration", ""), said.get("receiver_name", "")] += float(value)
    return found


def _plain(escaped: str) -> str:
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], escaped)


def _taken(answer: list[dict[str, Any]]) -> list[TakenAlert]:
    names = {alert["fingerprint"]: alert["labels"].get("alertname", "") for alert in answer}
    return [
        TakenAlert(
            names[alert["fingerprint"]],
            {name: value for name, value in alert["labels"].items() if name != "alertname"},
            # One that has just ended may be missing from the answer; its fingerprint still says that there is one.
            sorted({names.get(source, source) for source in alert["status"]["inhibitedBy"]}),
            sorted(alert["status"]["silencedBy"]),
            sorted(alert["status"].get("mutedBy") or []),
        )
        for alert in answer
    ]
