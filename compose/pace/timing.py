"""The timing profile: how fast production and a drill run, and what a drill's servers must be told."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from promql_parser import display_duration, parse_duration

# Constants of the servers that no rule or routing file can scale, each with what it would do to a drill.
# The resend delay has a price: a resolved alert is sent again this often for 15 minutes, which keeps its group alive in
# Alertmanager; when it fires again meanwhile, the group's next interval decides (up to 5 s), not group_wait (0.5 s).
PROMETHEUS_FLAGS = {
    "--rules.alert.resend-delay=5s": "1m: an alert that starts while Alertmanager is down arrives up to a minute late",
    "--rules.alert.for-grace-period=1s": "10m: the state of a shorter `for` is not restored over a restart",
    "--rules.alert.for-outage-tolerance=60s": "1h: an outage of Prometheus up to this long keeps the state of `for`",
    # Not 5 s, as the scale would have it: after a restart Prometheus waits for a fixed 5 s until it scrapes anything.
    # All it knows till then is from before; measured with 5 s: a false ShopRedundancyLost, and `for` began anew.
    "--query.lookback-delta=15s": "5m: series of a stopped Prometheus live on as ghosts after its restart",
}
ALERTMANAGER_FLAGS = {
    "--cluster.listen-address=": "clustering: the first notification waits ten seconds for peers",
}
_MILLISECOND = timedelta(milliseconds=1)


class DrillTimeError(ValueError):
    """A rule or routing file cannot be run in drill time; the message names the file and the place."""


class Kind(Enum):
    """What a duration is for; decides how short a drill may make it."""

    RANGE = "range"
    STEP = "step"
    OFFSET = "offset"
    HOLD = "hold"
    INTERVAL = "interval"
    ROUTING = "routing"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often one Prometheus looks."""

    scrape_interval: timedelta
    scrape_timeout: timedelta
    evaluation_interval: timedelta


@dataclass(frozen=True, slots=True)
class TimingProfile:
    """How production durations become drill durations."""

    scale: int
    """What every duration is divided by: 60 makes minutes seconds."""
    production: Pace
    drill: Pace
    longest_window: timedelta = timedelta(days=1)
    """Rules that look at least this far back are left to rule tests: no drill lasts that long, even scaled."""
    range_floor_scrapes: int = 4
    """A rate over fewer scrapes has gaps: one late scrape leaves it a single sample."""

    @property
    def scrape_interval_text(self) -> str:
        """The drill's scrape interval as Prometheus writes it."""
        return display_duration(self.drill.scrape_interval)

    @property
    def scrape_timeout_text(self) -> str:
        """The drill's scrape timeout as Prometheus writes it."""
        return display_duration(self.drill.scrape_timeout)

    @property
    def evaluation_interval_text(self) -> str:
        """The drill's evaluation interval as Prometheus writes it."""
        return display_duration(self.drill.evaluation_interval)

    def scaled(self, production: timedelta) -> timedelta:
        """Divide by the scale, in whole milliseconds, which is all the servers accept; never down to nothing."""
        if not production:
            return production
        return max(_MILLISECOND, round(production / self.scale / _MILLISECOND) * _MILLISECOND)

    def in_drill(self, production: timedelta, kind: Kind) -> timedelta:
        """What a drill uses for a production duration: scaled, and no shorter than its kind's floor."""
        return max(self.scaled(production), self.floor(kind)) if production else production

    def floor(self, kind: Kind) -> timedelta:
        """The shortest duration of this kind that still means something at the drill's pace."""
        match kind:
            case Kind.RANGE:
                return self.range_floor_scrapes * self.drill.scrape_interval
            case Kind.STEP | Kind.HOLD | Kind.INTERVAL:
                return self.drill.evaluation_interval
            case Kind.OFFSET | Kind.ROUTING:
                return timedelta(0)


@dataclass(frozen=True, slots=True)
class Change:
    """One duration that the drill changed, as it stands in the files."""

    where: str
    production: str
    scaled: str
    """Divided by the scale."""
    used: str
    """What the drill's file says; differs from `scaled` where a floor held it up."""


@dataclass(slots=True)
class Durations:
    """Turns durations into drill time and remembers each one it changed."""

    profile: TimingProfile
    changes: list[Change] = field(default_factory=list)

    def scale(self, text: str, kind: Kind, where: str) -> str:
        """The drill's text for a duration. Raises DrillTimeError naming `where` for what is no duration."""
        production = parse(text, where)
        used = display_duration(self.profile.in_drill(production, kind))
        if production:
            self.changes.append(Change(where, text, display_duration(self.profile.scaled(production)), used))
        return used


def parse(text: str, where: str) -> timedelta:
    """Read a Prometheus duration; `0` and `0s` are none at all."""
    # The parser refuses zero and takes a bare number for seconds; the servers do the opposite.
    if text in {"0", "0s", "0m", "0h", "0ms"}:
        return timedelta(0)
    try:
        if text.isdecimal():
            raise ValueError("a unit is missing")
        return parse_duration(text)
    except ValueError as error:
        raise DrillTimeError(f"{where}: {text!r}: not a duration: {error}") from error


DRILL = TimingProfile(
    scale=60,
    production=Pace(timedelta(seconds=15), timedelta(seconds=10), timedelta(seconds=15)),
    drill=Pace(timedelta(seconds=1), timedelta(seconds=1), timedelta(seconds=1)),
)
