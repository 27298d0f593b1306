"""What there is to look at beside the round: dashboards and traces, of the stack while a run is live, else recorded."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec

from chaos.console import boards, recorded
from chaos.console.boards import BoardShown
from chaos.console.kept import Kept
from chaos.console.reader import Frame, Reader
from chaos.console.sources import Sources, SourcesFile
from chaos.errors import InvalidFile
from chaos.facts.files import FACTS_FILE
from chaos.facts.panels import PanelHistory
from chaos.facts.traces import TraceSeen, TracesSeen
from chaos.observe.jaeger import Jaeger
from chaos.observe.panels import PanelSource
from chaos.report import waterfall
from chaos.report.waterfall import Waterfall
from chaos.spec.panel import Panel

RANGES = (0, 60, 300)
"""How many seconds back a page may look; 0: to the run's start."""
_GOOD_FOR_SECONDS = 2.0
"""However many pages look, the stack is asked no more often than this."""
_TRACES_GOOD_FOR_SECONDS = 5.0
_TRACES_BACK_SECONDS = 60.0
"""Of a live run, the failed and the slowest traces of so long are shown."""
_NOT_FOR_PLAYERS = ("chaos", "stormdrill", "baggage")
"""How attributes begin that an attacker might have added to what it sends."""


class TracesShown(msgspec.Struct, frozen=True):
    """Traces as waterfalls, the failed ones first."""

    run: str
    traces: list[Waterfall]
    note: str
    """What is missing, and from when they are."""


class Looks:
    """Safe to use from several threads; whoever asks may have to wait some seconds for the stack."""

    def __init__(self, reader: Reader, sources: SourcesFile, transport: httpx.BaseTransport | None = None) -> None:
        self._reader, self._file, self._transport = reader, sources, transport
        self._boards = Kept[BoardShown](_GOOD_FOR_SECONDS)
        self._traces = Kept[TracesShown](_TRACES_GOOD_FOR_SECONDS)
        self._histories_of = Kept[Sequence[PanelHistory]](_TRACES_GOOD_FOR_SECONDS)
        self._panels_at = Kept[list[Panel]](_TRACES_GOOD_FOR_SECONDS)

    def names(self) -> list[str]:
        """Of the dashboards that there are. Raises as the reader does."""
        frame = self._reader.frame()
        if frame is None:
            return []
        known = self._known(frame, self._sources.scrape_seconds)
        return boards.names(known, () if frame.live else self._told(frame, known))

    def board(self, name: str, back: int) -> BoardShown | None:
        """This dashboard for the last so many seconds, one of RANGES; None: there is none of this name."""
        frame = self._reader.frame()
        if frame is None or back not in RANGES or name not in self.names():
            return None
        start = max(0.0, frame.now - back) if back else 0.0
        return self._boards.get((frame.folder, frame.live, name, back), lambda: self._board(frame, name, start))

    def traces(self) -> TracesShown | None:
        """The failed and the slowest traces; None: there is no run."""
        frame = self._reader.frame()
        if frame is None:
            return None
        return self._traces.get((frame.folder, frame.live), lambda: self._waterfalls(frame))

    def _board(self, frame: Frame, name: str, start: float) -> BoardShown:
        length = max(frame.now - start, 1.0)
        step = boards.step_of(length, self._sources.scrape_seconds)
        known = [panel for panel in self._known(frame, step) if panel.dashboard == name]
        if frame.live:
            # Points stay where they are from one question to the next.
            zero = start - start % step
            histories = self._ask(known, frame.wall + zero, frame.now - zero, step)
        else:
            zero, histories = 0.0, [one for one in self._told(frame, known) if one.dashboard == name]
            step = max([step, *(one.step_seconds for one in histories)])
        shown = boards.shown(known, histories, zero, (start, frame.now))
        return BoardShown(frame.folder.name, name, start, frame.now, step, shown)

    def _ask(self, known: Sequence[Panel], wall: float, seconds: float, step: float) -> list[PanelHistory]:
        if not self._sources.prometheus:
            return []
        source = PanelSource(self._sources.prometheus, timedelta(seconds=step), self._transport)
        try:
            return source.histories(known, wall, seconds)
        finally:
            source.close()

    @property
    def _sources(self) -> Sources:
        return self._file.now

    def _known(self, frame: Frame, step: float) -> list[Panel]:
        """The panels of the JSON; none where a recording has those of another stack."""
        sources = self._sources
        known = self._panels_at.get((sources, step), lambda: _read(sources, step))
        if frame.live or not (histories := self._histories(frame)):
            return known
        titles = {(one.dashboard, one.panel) for one in histories}
        return known if any((one.dashboard, one.title) in titles for one in known) else []

    def _told(self, frame: Frame, known: Sequence[Panel]) -> Sequence[PanelHistory]:
        # Only its JSON says what a line was asked with: without it an attacker's own is known when all of it may be.
        return () if frame.sealed and not known else self._histories(frame)

    def _histories(self, frame: Frame) -> Sequence[PanelHistory]:
        if not frame.open:
            return ()
        return self._histories_of.get(frame.folder, lambda: _panels_of(frame.folder / FACTS_FILE))

    def _waterfalls(self, frame: Frame) -> TracesShown:
        seen = self._live_traces(frame) if frame.live else self._recorded_traces(frame)
        if seen is None:
            return TracesShown(frame.folder.name, [], "There is no trace store to look into.")
        known = [fair(trace) for trace in seen.traces if trace.began + trace.took_seconds <= frame.now]
        drawn = [waterfall.of_trace(trace) for trace in sorted(known, key=lambda one: (not one.failed, -one.began))]
        when = f"Of the last {_TRACES_BACK_SECONDS:g} s" if frame.live else "Of the whole run"
        note = "Jaeger does not answer." if seen.error else f"{when} the failed and the slowest."
        return TracesShown(frame.folder.name, drawn, note)

    def _live_traces(self, frame: Frame) -> TracesSeen | None:
        if not self._sources.jaeger:
            return None
        jaeger = Jaeger(self._sources.jaeger, frame.wall, self._transport)
        try:
            return jaeger.look(frame.now, [(max(0.0, frame.now - _TRACES_BACK_SECONDS), frame.now)], gaps=False)
        finally:
            jaeger.close()

    @staticmethod
    def _recorded_traces(frame: Frame) -> TracesSeen | None:
        found = recorded.of_kind(frame.folder / FACTS_FILE, b'"traces_seen"') if frame.open else []
        return next((one for one in found if isinstance(one, TracesSeen)), None)


def _read(sources: Sources, step: float) -> list[Panel]:
    if not sources.dashboards:
        return []
    try:
        return boards.read(Path(sources.dashboards), sources.scrape_seconds, step)
    except InvalidFile:
        return []


def _panels_of(file: Path) -> list[PanelHistory]:
    found = recorded.of_kind(file, b'"panel_history"')
    return [one for one in found if isinstance(one, PanelHistory)]


def fair(trace: TraceSeen) -> TraceSeen:
    """The trace without what an attacker might have told about itself."""

    def told(attributes: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in attributes.items() if not name.lower().startswith(_NOT_FOR_PLAYERS)}

    spans = [msgspec.structs.replace(span, attributes=told(span.attributes)) for span in trace.spans]
    return msgspec.structs.replace(trace, spans=spans)
