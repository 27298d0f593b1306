"""Judges what receivers were told that page people for real, by Alertmanager's own counters of notifications.

Who has to be told, and when, is proven at the receiver that is told beside them. The counters say that the real one was
told by each of its integrations, and that none failed; in older releases, and where Alertmanager was not asked to, they
do not tell receivers apart.
"""

from collections.abc import Iterator
from typing import Any

import yaml

from chaos.facts.alerts import AlertmanagerConfigured, Counted, NotificationsCounted
from chaos.facts.recording import Recording
from chaos.facts.run import RunStarted
from chaos.verdict.results import Told
from chaos.verdict.run_finding import NotificationsFailed, NotificationsUncounted


def told(recording: Recording) -> list[Told]:
    """Each integration of the receivers that are stood for, with what was counted while the run lasted."""
    return [one for receiver in _stood_for(recording) for one in _told(recording, receiver)]


def findings(recording: Recording) -> Iterator[NotificationsFailed | NotificationsUncounted]:
    """One for each integration that failed, or was not used, and for each receiver of which nothing is known."""
    for receiver in _stood_for(recording):
        if why := _unknown(recording, receiver):
            yield NotificationsUncounted(receiver, why)
            continue
        for one in _told(recording, receiver):
            if one.failed:
                yield NotificationsFailed(receiver, one.kind, one.failed)
            elif not one.sent:
                yield NotificationsUncounted(receiver, f"Alertmanager sent nothing by {one.kind}")


def _stood_for(recording: Recording) -> list[str]:
    started = recording.first(RunStarted)
    return list(started.stands_for) if started else []


def _unknown(recording: Recording, receiver: str) -> str:
    """Why nothing can be said of a receiver; empty: something can."""
    looks = recording.all(NotificationsCounted)
    if errors := [look.error for look in looks if look.error is not None]:
        return errors[0]
    if len(looks) < 2:
        return "Alertmanager's counters were not read before and after"
    if not _kinds(recording, receiver):
        return "Alertmanager's configuration has no such receiver that tells anybody"
    return ""


def _told(recording: Recording, receiver: str) -> list[Told]:
    looks = [look for look in recording.all(NotificationsCounted) if look.error is None]
    if len(looks) < 2:
        return []
    found = []
    for kind in _kinds(recording, receiver):
        before, after = (_of(look.counted, kind, receiver) for look in (looks[0], looks[-1]))
        # A counter that has become less was begun anew, with Alertmanager.
        sent, failed = (now if now < then else now - then for then, now in zip(before[:2], after[:2], strict=True))
        found.append(Told(receiver, kind, round(sent), round(failed), after[2]))
    return found


def _of(counted: list[Counted], kind: str, receiver: str) -> tuple[float, float, bool]:
    named = [one for one in counted if one.kind == kind and one.receiver == receiver]
    ours = named or [one for one in counted if one.kind == kind and not one.receiver]
    return sum(one.sent for one in ours), sum(one.failed for one in ours), not named


def _kinds(recording: Recording, receiver: str) -> list[str]:
    """The kinds of a receiver's integrations, as Alertmanager was configured when the run began."""
    configured = recording.first(AlertmanagerConfigured)
    try:
        config: dict[str, Any] = (yaml.safe_load(configured.config) if configured else None) or {}
        bodies = [one for one in config.get("receivers") or [] if one["name"] == receiver]
        return [key.removesuffix("_configs") for body in bodies for key in body if key.endswith("_configs")]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return []
