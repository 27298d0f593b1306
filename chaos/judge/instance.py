"""One alert instance: an alert's name and labels, and all that was seen of it since the baseline."""

from dataclasses import dataclass

from chaos.facts.alert_key import Key, key_of
from chaos.facts.pages import PageAlert, PageSeen
from chaos.judge.stretch import Stretch, overlap


@dataclass(frozen=True, slots=True)
class Told:
    """One delivery of it, accepted or refused."""

    page: PageSeen
    alert: PageAlert

    @property
    def at(self) -> float:
        """When it arrived, in seconds since the run's start."""
        return self.page.at

    @property
    def fires(self) -> bool:
        """Whether it says that the alert fires; else that it is resolved."""
        return self.alert.status == "firing"


@dataclass(frozen=True, slots=True)
class Instance:
    """What was seen of one alert instance since the baseline; times in seconds since the run's start."""

    key: Key
    true: tuple[Stretch, ...] = ()
    """When its condition was true, pending or firing."""
    firing: tuple[Stretch, ...] = ()
    """When it fired; without the stretch in which it did when the baseline began."""
    since: tuple[tuple[float, float], ...] = ()
    """When it was seen firing, and since when its condition had been true at a stretch, as Prometheus said then.

    What was true before that and passed was no part of its `for`.
    """
    looked: tuple[float, ...] = ()
    """When it was seen to be true, by our own clock."""
    pages: tuple[Told, ...] = ()
    """In the order of their arrival."""
    had: tuple[Stretch, ...] = ()
    """When Alertmanager had it."""
    inhibited: tuple[tuple[Stretch, tuple[str, ...]], ...] = ()
    """When Alertmanager told nobody, and the alerts for whose sake."""
    silenced: tuple[Stretch, ...] = ()
    """When a silence or a mute interval kept Alertmanager from telling."""
    fired_before: bool = False
    """Whether it fired when the baseline began."""
    pending_at_end: bool = False
    look: float = 1.0
    """Seconds between two looks: so much earlier it may have been so than it was seen."""

    @property
    def name(self) -> str:
        """The alert's name."""
        return self.key[0]

    @property
    def labels(self) -> dict[str, str]:
        """All its labels but `alertname`."""
        return dict(self.key[1])

    @property
    def fired(self) -> bool:
        """Whether it fired since the baseline: a page is proof enough, Prometheus may have been blinded just then."""
        return bool(self.firing) or self.paged

    @property
    def paged(self) -> bool:
        """Whether somebody was told that it fires, or refused to be."""
        return any(told.fires for told in self.pages)

    @property
    def counts(self) -> bool:
        """Whether it has to be accounted for: it fired, was paged, or was about to when the run ended."""
        return self.fired or self.pending_at_end

    @property
    def condition_true(self) -> float | None:
        """When its condition came true for the firing that came first; None where Prometheus did not tell."""
        if self.firing:
            first = self.firing[0]
            told = [since for at, since in self.since if first.start <= at <= first.end]
            within = [one.start for one in self.true if one.start <= first.start <= one.end]
            return min(told) if told else (within[0] if within else first.start)
        return self.true[0].start if self.true else None

    @property
    def true_from(self) -> tuple[float, float] | None:
        """The earliest and the latest moment at which its condition can have come true for the firing that came first.

        What Prometheus says of it by its clock, and what was seen by ours. None where nobody saw it.
        """
        told = self.condition_true
        if told is None:
            return None
        first = self.firing[0].start if self.firing else told
        within = [one for one in self.true if one.start <= first <= one.end]
        seen = [at for one in within for at in self.looked if one.start <= at <= one.end]
        earliest = min([told, *(one.start for one in within)])
        return earliest, max([told, *(at - self.look for at in seen[:1])])

    @property
    def inhibitors(self) -> list[str]:
        """Every alert for whose sake nobody was told of it at some time."""
        return sorted({name for _, names in self.inhibited for name in names})

    def accepted(self, receiver: str, *, fires: bool, since: float) -> list[Told]:
        """What this receiver took of it from this moment on."""
        return [
            told
            for told in self.pages
            if told.page.accepted and told.page.receiver == receiver and told.fires is fires and told.at >= since
        ]

    def free_seconds(self, kept_back: tuple[Stretch, ...]) -> float:
        """For how long Alertmanager had it while none of these was so."""
        had = sum(one.seconds for one in self.had)
        return had - sum(overlap(one, other) for one in self.had for other in kept_back)


def page_key(alert: PageAlert) -> Key:
    """Whom a page is about."""
    return key_of(alert.name, alert.labels)
