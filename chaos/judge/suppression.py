"""What kept a page back on its way, and until when: an alert that inhibits it, or a fault on the way of all pages."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from chaos.facts.alert_key import Key, key_of
from chaos.facts.alerts import AlertmanagerSeen
from chaos.facts.recording import Recording
from chaos.judge.in_place import in_place
from chaos.judge.window import Window


@dataclass(frozen=True, slots=True)
class Suppression:
    """One span in which pages waited, in seconds since the run's start."""

    start: float
    end: float
    why: str
    key: Key | None
    """Whose page; None: every page."""


def of(recording: Recording, span: Window) -> tuple[Suppression, ...]:
    """Every such span of a run."""
    return (*_by_faults(recording, span), *_by_inhibition(recording, span))


def last(spans: tuple[Suppression, ...], key: Key, true: float, delivered: float) -> Suppression | None:
    """What kept this alert's page back last between its condition and its delivery; None when nothing did."""
    found = [one for one in spans if one.key in (None, key) and one.start < delivered and true < one.end]
    # One that goes on delayed the page all the same, as a slow pager does.
    return max((replace(one, end=min(one.end, delivered)) for one in found), key=lambda one: one.end, default=None)


def _by_faults(recording: Recording, span: Window) -> Iterator[Suppression]:
    for one in in_place(recording, span):
        if one.said.keeps_pages_back:
            yield Suppression(one.start, span.end if one.end is None else one.end, one.said.words, None)


def _by_inhibition(recording: Recording, span: Window) -> Iterator[Suppression]:
    # A look that has nothing new tells no alerts: what the one before told goes on.
    looks = [look for look in recording.all(AlertmanagerSeen) if look.alerts is not None]
    ends = [later.at for _, later in pairwise(looks)] + [span.end]
    for look, end in zip(looks, ends, strict=False):
        for alert in look.alerts or []:
            if alert.inhibited_by:
                why = f"{', '.join(sorted(alert.inhibited_by))} inhibits it"
                yield Suppression(look.at, end, why, key_of(alert.name, alert.labels))
