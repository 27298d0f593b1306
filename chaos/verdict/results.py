"""What was found of each part of a run: phases, checks, alerts, panels, orders, sessions.

What a field means is part of `verdict.json`'s schema, so it is written where the schema reads it.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from chaos.verdict.alert_finding import AlertFinding
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.result_finding import CheckFinding, PanelFinding


class PhaseStats(msgspec.Struct, frozen=True):
    """What users saw in one phase."""

    phase: str
    seconds: float
    requests: int
    failed: int
    p50_seconds: float | None
    p99_seconds: float | None
    cpu_pressure: Annotated[
        float | None,
        Meta(
            description=(
                "Share of the time in which some process of the machine waited for a CPU; None where the kernel "
                "tells nothing."
            )
        ),
    ] = None


class FrequentError(msgspec.Struct, frozen=True):
    """The error that most failed requests of a phase had."""

    error: str
    number: int
    of: Annotated[int, Meta(description="How many failed in all.")]


class CheckResult(msgspec.Struct, frozen=True):
    """One check in one phase."""

    name: str
    query: str
    phase: str
    bound: str
    measured: Annotated[float | None, Meta(description="None where data is missing.")]
    holds: Annotated[bool | None, Meta(description="None where data is missing.")]
    finding: CheckFinding | None = None
    frequent: Annotated[
        FrequentError | None,
        Meta(description="Of what users saw, where it does not hold: what most of the failed requests had."),
    ] = None


class Delays(msgspec.Struct, frozen=True):
    """Seconds that the configuration alone explains, at most."""

    detection: float
    delivery: float
    resolution: float
    interval: Annotated[
        float,
        Meta(
            description="Between two notifications of a group; at most so long after whatever kept a page back is gone."
        ),
    ] = 0.0


class AlertResult(msgspec.Struct, frozen=True):
    """What became of one alert. Seconds count from the injection, those of the resolution from the undo."""

    name: str
    labels: dict[str, str]
    outcome: AlertOutcome
    finding: AlertFinding | None = None
    window: Annotated[
        int | None, Meta(description="Which of the experiment's alerts took it, from 0; None: none of them.")
    ] = None
    pages: Annotated[int, Meta(description="How often its receiver was told that it fires.")] = 0
    condition_true: float | None = None
    firing: float | None = None
    delivered: float | None = None
    resolved: float | None = None
    held_until: Annotated[
        float | None, Meta(description="Until when its page was kept back on its way; None when nothing kept it.")
    ] = None
    held_by: Annotated[
        str, Meta(description="What kept it back: an alert that inhibits it, or a fault on the way of pages.")
    ] = ""
    fires_within: float | None = None
    resolves_within: float | None = None
    design: Delays | None = None
    production: Annotated[Delays | None, Meta(description="What production durations would make of `design`.")] = None
    pending: Annotated[
        float | None,
        Meta(description="Of a quiet alert: for how long its condition was true at a stretch; None when it never was."),
    ] = None
    hold: Annotated[
        float | None, Meta(description="Of a quiet alert: its `for`, which `pending` would have had to reach.")
    ] = None
    blinded: Annotated[
        bool, Meta(description="Whether it is unknown because the fault itself blinds who would know.")
    ] = False

    @property
    def came_close(self) -> bool:
        """Whether it stayed quiet, but was true for at least half of its `for`."""
        return self.pending is not None and self.pending > 0 and self.pending >= (self.hold or 0.0) / 2


class MessagesTold(msgspec.Struct, frozen=True):
    """What one receiver sent for people by one kind of message, since the baseline."""

    receiver: str
    kind: Annotated[str, Meta(description="What it was sent by, such as `slack`.")]
    firing: Annotated[int, Meta(description="How many said that something fires.")]
    resolved: int
    other: Annotated[int, Meta(description="How many did not say whether it fires.")]
    refused: Annotated[int, Meta(description="How many its service would not have taken.")]
    first: Annotated[str, Meta(description="The first line that people read of the first.")]


class Told(msgspec.Struct, frozen=True):
    """How often Alertmanager told a receiver for real, by its own counters, while the run lasted."""

    receiver: str
    kind: Annotated[str, Meta(description="Of the integration, such as `pagerduty`.")]
    sent: Annotated[int, Meta(description="Notifications, those that failed in the end included.")]
    failed: int
    shared: Annotated[bool, Meta(description="Whether other receivers' of this kind are counted with them.")]


class PanelResult(msgspec.Struct, frozen=True):
    """Whether one panel of a dashboard showed the fault."""

    dashboard: str
    panel: str
    expected: Annotated[
        bool | None,
        Meta(
            description=(
                "True: its description says that this fault moves it; False: nothing was broken; None: nothing "
                "was claimed."
            )
        ),
    ]
    moved: Annotated[bool | None, Meta(description="None where data is missing.")]
    line: Annotated[str, Meta(description="The labels of the line that moved most.")]
    widths: Annotated[
        float | None,
        Meta(description="How far that line went outside its baseline, in widths of it; None for a change of state."),
    ]
    finding: PanelFinding | None = None

    @property
    def wrong(self) -> bool:
        """Whether it refutes what is claimed of it."""
        return self.expected is not None and self.moved is not None and self.moved is not self.expected

    @property
    def unknown(self) -> bool:
        """Whether something is claimed of it, and nobody can say."""
        return self.expected is not None and self.moved is None


class Orders(msgspec.Struct, frozen=True):
    """What became of the orders that users sent."""

    sent: int
    acknowledged: int
    found: int
    refused: int
    unknown: int
    lost: list[str]
    mismatched: list[str]
    doubled: list[str]
    refused_but_found: list[str]
    unread: list[str]
    reads: Annotated[
        int, Meta(description="How often users asked for an order that was acknowledged, and were told.")
    ] = 0
    stale_reads: Annotated[
        list[str],
        Meta(description="Acknowledged, and a later read said that it is not there; once for each such read."),
    ] = []


class Sessions(msgspec.Struct, frozen=True):
    """What became of users' sessions and carts. Names are those of `sessions.ndjson`: session, or session/sku."""

    opened: Annotated[int, Meta(description="Acknowledged log-ins.")]
    refused: int
    unknown: int
    writes: Annotated[int, Meta(description="Acknowledged writes to carts.")]
    writes_refused: int
    writes_unknown: int
    found: Annotated[int, Meta(description="Sessions that are there after recovery with all that was acknowledged.")]
    lost: Annotated[list[str], Meta(description="Acknowledged sessions and writes that are not there after recovery.")]
    reads: Annotated[int, Meta(description="How often users looked at an open session, and were told.")]
    stale_reads: Annotated[
        list[str],
        Meta(description="Acknowledged sessions and writes that a later read did not show; once for each such read."),
    ]
    doubled: Annotated[list[str], Meta(description="More in the cart than acknowledged and unknown writes explain.")]
    foreign: Annotated[list[str], Meta(description="Somebody else's session, or a product that was never put there.")]
    unread: list[str]
    lost_ratio: Annotated[
        float | None,
        Meta(
            description=(
                "Share of acknowledged sessions and writes that are lost or were not shown; None where there are none."
            )
        ),
    ]
    bound: Annotated[str, Meta(description="What the experiment allows of that.")]
    expired: Annotated[
        int, Meta(description="Sessions that nobody used for so long that the shop need not have them any more.")
    ] = 0
