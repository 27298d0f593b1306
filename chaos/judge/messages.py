"""Judges messages for people: beside each webhook's page its receiver's other ways have to have told the same.

Which instances fire is proven by webhooks alone; a message is proven by its group where its service has a key for that
(PagerDuty, Opsgenie), and by when it came elsewhere.
"""

import hashlib
from collections.abc import Iterable, Iterator

from chaos.facts.alert_key import Key, key_of
from chaos.facts.pages import MessageSeen, PageSeen
from chaos.facts.recording import Recording
from chaos.facts.run import RunStarted
from chaos.judge.alert_evidence import routing_of
from chaos.judge.window import Window
from chaos.verdict.results import MessagesTold
from chaos.verdict.run_finding import MessageAwaited, MessageMissing, MessageRefused

_KEYED = frozenset({"pagerduty", "opsgenie"})
_SIDE_BY_SIDE_SECONDS = 5.0
"""A receiver's ways are used at once: a message may come so much before the page."""
_UNDER_WAY_SECONDS = 3.0
"""Of a page that came so shortly before the end the message may still be on its way: nobody knows."""


def findings(recording: Recording, window: Window) -> Iterator[MessageRefused | MessageMissing | MessageAwaited]:
    """One for each way whose messages were refused, and one for each page without the message that belongs to it."""
    began = window.baseline if window.baseline is not None else window.end
    seen = [message for message in recording.all(MessageSeen) if message.at >= began]
    for receiver, kind in sorted({(one.receiver, one.kind) for one in seen if not one.accepted}):
        refused = [one for one in seen if not one.accepted and (one.receiver, one.kind) == (receiver, kind)]
        yield MessageRefused(receiver, kind, len(refused), refused[0].reason)
    started = recording.first(RunStarted)
    for receiver, kinds in sorted(started.messages.items() if started else ()):
        for kind in sorted(set(kinds)):
            pages = [page for page in recording.all(PageSeen) if _counts(page, receiver, began)]
            messages = [one for one in seen if (one.receiver, one.kind) == (receiver, kind)]
            for page, status in _missing(kind, pages, messages, _resolves(recording, receiver, kind)):
                alert = page.alerts[0].name if page.alerts else ""
                late = page.at > window.end - _UNDER_WAY_SECONDS
                yield (MessageAwaited if late else MessageMissing)(receiver, kind, status, alert, page.at)


def told(recording: Recording, window: Window) -> list[MessagesTold]:
    """What each receiver sent by each kind since the baseline, and what the first of them said."""
    began = window.baseline if window.baseline is not None else window.end
    seen = [message for message in recording.all(MessageSeen) if message.at >= began]
    found = []
    for receiver, kind in dict.fromkeys((one.receiver, one.kind) for one in seen):
        ours = [one for one in seen if (one.receiver, one.kind) == (receiver, kind)]
        statuses = [one.status for one in ours if one.accepted]
        firing, resolved = statuses.count("firing"), statuses.count("resolved")
        first = next((one.title or one.text for one in ours if one.accepted), "")
        other, refused = len(statuses) - firing - resolved, len(ours) - len(statuses)
        found.append(MessagesTold(receiver, kind, firing, resolved, other, refused, _line(first)))
    return found


def _counts(page: PageSeen, receiver: str, began: float) -> bool:
    return page.accepted and page.receiver == receiver and page.at >= began


def _missing(
    kind: str, pages: list[PageSeen], messages: Iterable[MessageSeen], resolves: bool
) -> Iterator[tuple[PageSeen, str]]:
    """Each page without its message, and what that would have said."""
    left = list(messages)
    known: dict[str, frozenset[Key]] = {}
    for page in pages:
        firing = frozenset(key_of(one.name, one.labels) for one in page.alerts if one.status == "firing")
        status = "firing" if firing else "resolved"
        news = firing - known.get(page.group, frozenset())
        known[page.group] = firing
        # Who is not told of resolutions is not told that a group has become smaller either; a page may be told again
        # by one way a group's interval before the other.
        if not news if firing else not resolves:
            continue
        # What was refused was sent; that it was refused is a finding of its own.
        found = next((one for one in left if _belongs(one, page, status, kind)), None)
        if found is None:
            yield page, status
        else:
            left.remove(found)


def _belongs(message: MessageSeen, page: PageSeen, status: str, kind: str) -> bool:
    if message.at < page.at - _SIDE_BY_SIDE_SECONDS:
        return False
    if not message.accepted and not message.status:
        return True
    if kind in _KEYED and page.group and message.key != hashlib.sha256(page.group.encode()).hexdigest():
        return False
    return message.status in (status, "")


def _resolves(recording: Recording, receiver: str, kind: str) -> bool:
    """Whether that way tells of resolutions, as the configuration says; where it was not recorded nobody knows."""
    routing = routing_of(recording)
    return routing is not None and (receiver, kind) in routing.resolving


def _line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
