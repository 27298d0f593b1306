"""What the telemetry of a round made possible, and what users felt: the par beside which people are scored."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.facts.pages import PageSeen
from chaos.facts.panels import PanelHistory
from chaos.facts.recording import Recording
from chaos.facts.run import RunStarted
from chaos.facts.samples import Request
from chaos.judge import checks, panel_change, users_now
from chaos.judge.window import Window

_STEP_SECONDS = 1.0
_STAYS_STEPS = 3
_STILL_SHARE = 0.05
"""Of a line that stood still, by how much it has to change."""


@dataclass(frozen=True, slots=True)
class Par:
    """When what could be known, in seconds since the injection; None: never."""

    hurt: float | None
    panel: float | None
    panel_name: str
    page: float | None

    @property
    def first(self) -> float | None:
        """When anything at all said that something is wrong."""
        return min((one for one in (self.hurt, self.panel, self.page) if one is not None), default=None)


def par_of(recording: Recording, spans: Window) -> Par:
    """What the telemetry made possible."""
    if spans.injected is None:
        return Par(None, None, "", None)
    panel, name = _first_panel(recording, spans)
    return Par(_first_hurt(recording, spans), panel, name, _first_page(recording, spans.injected))


def well_from(recording: Recording, hurt_at: float, end: float, acted: float | None = None) -> float | None:
    """Since when users were well until `end`; None: they were not.

    `acted`: when people had something done for the last time. A hold may end so soon after it that no whole look fits
    in: then all that users sent and had answered since is looked at, if it is as much as a look needs.
    """
    well: float | None = None
    for at, requests in _looks(recording, hurt_at, end):
        if _broken(recording, requests):
            well = None
        elif well is None:
            # All of what this look covers was well.
            well = max(hurt_at, at - users_now.LOOKS_BACK_SECONDS)
    if well is not None or acted is None:
        return well
    latest = [one for one in recording.load.ended_since(acted) if one.at >= acted and one.ended_at <= end]
    told = len(latest) >= checks.FEWEST_REQUESTS and not _broken(recording, latest)
    return max(hurt_at, acted) if told else None


def _first_hurt(recording: Recording, spans: Window) -> float | None:
    assert spans.injected is not None
    end = spans.undone if spans.undone is not None else spans.end
    for at, requests in _looks(recording, spans.injected, end):
        if _broken(recording, requests):
            return at - spans.injected
    return None


def _broken(recording: Recording, requests: Sequence[Request]) -> bool:
    return any(users_now.broken(check, requests) for check in recording.experiment.steady_state)


def _looks(recording: Recording, start: float, end: float) -> list[tuple[float, list[Request]]]:
    requests = sorted(recording.load.ended_since(start - users_now.LOOKS_BACK_SECONDS), key=lambda one: one.ended_at)
    found, first, last = [], 0, 0
    at = start + _STEP_SECONDS
    while at <= end:
        while last < len(requests) and requests[last].ended_at <= at:
            last += 1
        while first < last and requests[first].ended_at < max(start, at - users_now.LOOKS_BACK_SECONDS):
            first += 1
        found.append((at, requests[first:last]))
        at += _STEP_SECONDS
    return found


def _first_page(recording: Recording, injected: float) -> float | None:
    started = recording.first(RunStarted)
    heartbeat = started.heartbeat_receiver if started else ""
    pages = [
        page.at - injected
        for page in recording.all(PageSeen)
        if page.accepted and page.receiver != heartbeat and any(one.status == "firing" for one in page.alerts)
    ]
    return min((at for at in pages if at >= 0), default=None)


def _first_panel(recording: Recording, spans: Window) -> tuple[float | None, str]:
    """When the first of the panels that moved, by the verdict's own rule, left what it had been in the baseline."""
    if spans.baseline is None or spans.injected is None:
        return None, ""
    moved = {(one.dashboard, one.panel) for one in panel_change.judge(recording, spans) if one.moved}
    found = [
        (at - spans.injected, f"{history.panel} ({history.dashboard})")
        for history in recording.all(PanelHistory)
        if (history.dashboard, history.panel) in moved and (at := _left_its_range(history, spans)) is not None
    ]
    return min(found, default=(None, ""))


def _left_its_range(history: PanelHistory, spans: Window) -> float | None:
    times = [_left(series.values, history.step_seconds, spans) for series in history.series]
    return min((one for one in times if one is not None), default=None)


def _left(values: Sequence[float | None], step: float, spans: Window) -> float | None:
    """The first moment since the injection from which a line was elsewhere for _STAYS_STEPS in a row."""
    start, injected = spans.baseline or 0.0, spans.injected or 0.0
    end = spans.undoing if spans.undoing is not None else spans.end
    before = [one for index, one in enumerate(values) if one is not None and start <= index * step <= injected]
    out = 0
    for index, one in enumerate(values):
        if injected < index * step <= end:
            out = out + 1 if _elsewhere(one, before) else 0
            if out == _STAYS_STEPS:
                return (index - _STAYS_STEPS + 1) * step
    return None


def _elsewhere(value: float | None, before: Sequence[float]) -> bool:
    if value is None or not before:
        return bool(before) if value is None else True  # it vanished, or appeared
    low, high = min(before), max(before)
    margin = high - low or abs(high) * _STILL_SHARE
    return not low - margin <= value <= high + margin
