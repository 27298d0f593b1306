"""Made-up lives of alert instances, and the facts that all observers record of them: for the judge's laws."""

from dataclasses import dataclass

import msgspec
from hypothesis import strategies as st

from chaos.facts.alert_key import key_of
from chaos.facts.alerts import (
    ActiveAlert,
    AlertHistory,
    AlertmanagerSeen,
    PrometheusSeen,
    RuleLoaded,
    TakenAlert,
    Timing,
)
from chaos.facts.pages import PageAlert, PageSeen
from chaos.spec import values
from chaos.spec.experiment import Experiment
from tests.unit.recordings import BASELINE, END, EXPERIMENT, INJECTED, UNDONE, WATCHDOG, facts, recording

NAMES = ("Down", "Slow", "Full")
TIMING = Timing(1.0, 1.0, 0.0, 1.0, 0.5, 5.0)
LAST = int(END)


@dataclass(frozen=True)
class Life:
    """One firing of one alert instance, in whole seconds since the run's start; `until` None: it has no end."""

    name: str
    instance: str
    true: int
    fires: int | None
    """None: it is pending as long as it is true."""
    until: int | None
    told: bool = True
    """Whether the pager is told, half a second after it fires and, where it ends, a second after that."""
    inhibited: tuple[int, ...] = ()
    """The seconds at which Alertmanager tells nobody of it for another's sake."""
    silenced: bool = False

    @property
    def labels(self):
        return {"instance": self.instance, "severity": "warning"}

    @property
    def key(self):
        return key_of(self.name, self.labels)

    @property
    def end(self):
        return LAST + 1 if self.until is None else self.until

    @property
    def well(self):
        """Whether a window that takes it can be proven by it."""
        by_the_fault = INJECTED - 1 <= self.true <= UNDONE + 1
        times = self.fires is not None and by_the_fault and UNDONE - 1 <= self.end <= LAST - 1
        return times and self.told and not self.silenced

    @property
    def counts(self):
        """Whether it has to be accounted for, and not as what fired when the baseline began."""
        if self.fires is not None and self.end > self.fires:
            return self.fires >= BASELINE
        return self.until is None

    @property
    def before(self):
        # The last look before it is a second earlier.
        return self.state(int(BASELINE) - 1) == "firing"

    def state(self, at):
        if not self.true <= at < self.end:
            return None
        return "pending" if self.fires is None or at < self.fires else "firing"


def facts_of(lives, external=None):
    """What a run records in which these are all the alerts, but for the watchdog; `external` labels come on the way."""
    rest = [fact for fact in facts() if not isinstance(fact, PrometheusSeen | AlertmanagerSeen | RuleLoaded)]
    rest = [_labelled(fact, external or {}) for fact in rest if not _about_down(fact)]
    rules = [RuleLoaded(0.0, name, "pager", TIMING, None) for name in NAMES]
    stored = [history for life in lives for history in _stored(life)]
    return (
        rest[0],
        *rules,
        *_looks(lives),
        *_taken(lives, external or {}),
        *_pages(lives, external or {}),
        *stored,
        *rest[1:],
    )


def judged_facts(lives, alerts=(), may_fire=(), **changes):
    """A recording of these lives and an experiment that lists these windows."""
    said = EXPERIMENT | {"alerts": list(alerts), "may_fire": list(may_fire)}
    experiment = msgspec.convert(said, Experiment, dec_hook=values.decode)
    return recording(facts=facts_of(lives), experiment=experiment, **changes)


def _labelled(fact, external):
    if not isinstance(fact, PageSeen):
        return fact
    alerts = [msgspec.structs.replace(one, labels=one.labels | external) for one in fact.alerts]
    return msgspec.structs.replace(fact, alerts=alerts)


def _about_down(fact):
    if isinstance(fact, PageSeen):
        return fact.receiver == "pager"
    return isinstance(fact, AlertHistory) and fact.name != "Watchdog"


def _looks(lives):
    for at in range(LAST + 1):
        active = [
            ActiveAlert(life.name, life.labels, life.state(at), float(life.true)) for life in lives if life.state(at)
        ]
        # A look is answered a moment after the evaluation that it tells of.
        yield PrometheusSeen(at + 0.1, None, [*WATCHDOG, *active], [*NAMES, "Other"])


def _taken(lives, external):
    for at in range(LAST + 1):
        taken = [
            TakenAlert(
                life.name,
                life.labels | external,
                ["Outage"] if at in life.inhibited else [],
                ["silence"] if life.silenced else [],
            )
            for life in lives
            if life.state(at) == "firing"
        ]
        yield AlertmanagerSeen(at + 0.2, None, taken)


def _pages(lives, external):
    for life in lives:
        if life.fires is None or not life.told or life.silenced or life.fires >= life.end or life.fires > LAST:
            continue
        yield _page(life.fires + 0.5, "firing", life, external)
        if life.until is not None and life.until + 1 <= LAST:
            yield _page(life.until + 1.0, "resolved", life, external)


def _page(at, status, life, external):
    return PageSeen(at, "pager", True, "", [PageAlert(life.name, life.labels | external, status, float(life.fires))])


def _stored(life):
    for state in ("pending", "firing"):
        samples = [float(at) for at in range(LAST + 1) if life.state(at) == state]
        if samples:
            yield AlertHistory(END, life.name, life.labels, state, samples)


@st.composite
def _life(draw, name, instance):
    true = draw(st.integers(0, LAST - 2))
    fires = draw(st.none() | st.just(true + 1))
    until = draw(st.none() | st.integers(true + 1, LAST - 1))
    return Life(name, instance, true, fires, until, told=draw(st.booleans()), silenced=draw(st.integers(0, 9)) == 9)


@st.composite
def lives(draw):
    """One life each of some instances of some alerts."""
    places = draw(
        st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(("a", "b", "c"))), unique=True, max_size=5)
    )
    return [draw(_life(name, instance)) for name, instance in places]


@st.composite
def nearly_well(draw):
    """Some lives in which all is well, but for one of them at most."""
    places = draw(
        st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(("a", "b"))), unique=True, min_size=1, max_size=4)
    )
    found = [well(name, instance) for name, instance in places]
    if draw(st.booleans()):
        found[0] = draw(_life(*places[0]))
    return found


@st.composite
def windows(draw):
    """Some windows, as an experiment file has them."""
    found = []
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=4)):
        window = {"name": name, "fires_within": "10s", "resolves_within": "10s"}
        if instance := draw(st.none() | st.sampled_from(("a", "b"))):
            window["labels"] = {"instance": instance}
        window |= draw(st.sampled_from(({}, {"each": True}, {"count": ">= 2"}, {"count": "== 1"})))
        found.append(window)
    return found


def well(name="Down", instance="a"):
    """A life in which all is well."""
    return Life(name, instance, 11, 12, 26)
