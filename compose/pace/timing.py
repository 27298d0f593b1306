"""The timing profile: how fast production and a stack of ours run, and what its servers must be told."""

from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import Enum

from promql_parser import display_duration, parse_duration

ALERTMANAGER_FLAGS = ("--cluster.listen-address=",)
"""Clustering: the first notification would wait ten seconds for peers."""
FASTEST = 60
"""Minutes become seconds. Faster than that a scrape a second would be too rare for what the rules look at."""
_SECOND, _MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)


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
class Intervals:
    """How often one Prometheus looks."""

    scrape_interval: timedelta
    scrape_timeout: timedelta
    evaluation_interval: timedelta


@dataclass(frozen=True, slots=True)
class TimingProfile:
    """How production durations become drill durations."""

    scale: int
    """The pace: what every duration is divided by. 60 makes minutes seconds, 1 leaves all as in production."""
    production: Intervals
    drill: Intervals
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

    @property
    def prometheus_flags(self) -> tuple[str, ...]:
        """Constants of Prometheus that no rule file can scale, each for what it would do to a drill.

        The resend delay has a price: a resolved alert is sent again this often for 15 minutes, which keeps its group
        alive in Alertmanager; when it fires again meanwhile, the group's next interval decides, not group_wait.
        """
        flags = {
            # 1m: an alert that starts while Alertmanager is down arrives up to a minute late.
            "rules.alert.resend-delay": max(5 * _SECOND, self.scaled(timedelta(minutes=1))),
            # 10m: the state of a shorter `for` is not restored over a restart, and most are a minute.
            "rules.alert.for-grace-period": self.scaled(timedelta(minutes=1)),
            # 1h: an outage of Prometheus up to this long keeps the state of `for`.
            "rules.alert.for-outage-tolerance": self.scaled(timedelta(hours=1)),
            # 5m: series of a stopped Prometheus live on as ghosts after its restart. Not below 15 s: after a restart
            # Prometheus waits for a fixed 5 s until it scrapes anything. All it knows till then is from before;
            # measured with 5 s: a false ShopRedundancyLost, and `for` began anew.
            "query.lookback-delta": max(15 * _SECOND, self.scaled(timedelta(minutes=5))),
        }
        return tuple(f"--{name}={display_duration(length)}" for name, length in flags.items())

    @property
    def beat(self) -> timedelta:
        """What one second is in the fastest drill: what the durations of experiments are multiplied by."""
        return _SECOND * FASTEST / self.scale

    def scaled(self, production: timedelta) -> timedelta:
        """Divide by the scale, in whole milliseconds, which is all the servers accept; never down to nothing."""
        if not production:
            return production
        return max(_MILLISECOND, _divided(production, self.scale))

    def in_drill(self, production: timedelta, kind: Kind) -> timedelta:
        """What a drill uses for a production duration: scaled, and no shorter than its kind's floor."""
        return max(self.scaled(production), self.floor(kind)) if production else production

    def floor(self, kind: Kind) -> timedelta:
        """The shortest duration of this kind that still means something at this pace."""
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


def at(pace: int) -> TimingProfile:
    """The profile of a pace from 1, which is production's, to FASTEST. Looks are never less than a second apart."""
    production = Intervals(15 * _SECOND, 10 * _SECOND, 15 * _SECOND)
    drill = Intervals(*(max(_SECOND, _divided(getattr(production, each.name), pace)) for each in fields(production)))
    return TimingProfile(pace, production, drill)


def _divided(production: timedelta, pace: int) -> timedelta:
    return round(production / pace / _MILLISECOND) * _MILLISECOND


DRILL = at(FASTEST)
