"""What must be so before a fault: Prometheus has seen everything, and nothing of before goes on."""

import itertools
import time
from datetime import UTC, datetime

import httpx
import msgspec
import pytest

from chaos.drill import preflight
from chaos.errors import BaselineNotMet, StackUnreachable
from chaos.observe.prometheus import Prometheus
from chaos.spec import values
from chaos.spec.experiment import Experiment
from chaos.spec.pace import Pace
from tests.fakes import FakeClock
from tests.unit.recordings import EXPERIMENT

LONG_AGO = "0001-01-01T00:00:00Z"

RULES = ("Down", "Other", "Watchdog")
LABELS_OF = {"Down": {"instance": "shop-2"}}


def soon():
    return datetime.fromtimestamp(time.time() + 60, UTC).isoformat()


def prometheus(*looks, scraped=soon, evaluated=soon, slow=0):
    """One that shows these alerts, by name and state, one look after the other, and the last of them for good.

    So many of the first looks find its rule `Other` not evaluated yet.
    """
    looked = itertools.count()
    shown = itertools.chain(looks, itertools.repeat(looks[-1]))

    def answer(request):
        if request.url.path.endswith("targets"):
            return told({"activeTargets": [{"labels": {"instance": "shop-1"}, "lastScrape": scraped()}]})
        # Whether all were evaluated is asked of the rules as well: that takes one of these looks.
        alerts = next(shown)
        rules = [rule(name, alerts.get(name), evaluated) for name in RULES]
        rules[RULES.index("Other")]["health"] = "unknown" if next(looked) < slow else "ok"
        return told({"groups": [{"interval": 1, "rules": rules}]})

    return Prometheus("http://p", 0.0, httpx.MockTransport(answer))


def elsewhere(*looks, instance="shop-9"):
    """As above; the listed alert is of another instance than the listed one."""
    moved = LABELS_OF | {"Down": {"instance": instance}}
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(globals(), "LABELS_OF", moved)
        return calm(*looks)


def told(data):
    return httpx.Response(200, json={"data": data})


def rule(name, state, evaluated):
    alert = {
        "labels": {"alertname": name} | LABELS_OF.get(name, {}),
        "state": state,
        "activeAt": "1970-01-01T00:00:05Z",
    }
    return {
        "name": name,
        "health": "ok",
        "duration": 1,
        "lastEvaluation": evaluated(),
        "alerts": [alert] if state else [],
    }


def calm(*looks, only=None, **changes):
    concern = preflight.Concern(msgspec.convert(EXPERIMENT, Experiment, dec_hook=values.decode), only or {})
    rules = frozenset({"Down", "Watchdog"})
    return preflight.calm_from_here(
        concern, prometheus(*looks, **changes), FakeClock(), lambda what: None, rules, Pace()
    )


WELL = {"Watchdog": "firing"}


def test_what_fired_all_along_is_told_and_left_nothing():
    assert calm(WELL) == ("Watchdog", [])


@pytest.mark.parametrize("state", ["pending", "firing"])
def test_what_begins_with_the_first_evaluation_was_left_by_something_before(state):
    assert calm(WELL, WELL, WELL | {"Down": state}, WELL) == ("Watchdog", ["Down"])


def test_what_was_pending_and_fires_by_now_was_left_too():
    waiting = WELL | {"Other": "pending"}
    assert calm(waiting, waiting, WELL | {"Other": "firing"}) == ("Other, Watchdog", ["Other"])


def test_a_listed_alert_that_goes_on_firing_is_no_baseline():
    with pytest.raises(BaselineNotMet, match="already firing or pending before the fault: Down"):
        calm(WELL, WELL, WELL | {"Down": "firing"})


def test_a_listed_alert_that_fires_elsewhere_blocks_nothing():
    assert elsewhere(WELL | {"Down": "firing"}) == ("Down, Watchdog", [])


def test_what_is_not_ours_is_neither_waited_for_nor_left_by_anything():
    """Case C13: another team's alert on the same Prometheus is no business of a run's."""
    waiting = WELL | {"Other": "pending"}
    assert calm(WELL, waiting, waiting | {"Other": "firing"}, only={"team": "shop"}) == ("Other, Watchdog", [])
    with pytest.raises(BaselineNotMet, match="Down"):
        calm(WELL | {"Down": "firing"}, only={"team": "shop"})


def test_what_is_never_scraped_or_evaluated_is_named():
    with pytest.raises(StackUnreachable, match="does not evaluate Down, Other, Watchdog"):
        calm(WELL, evaluated=lambda: LONG_AGO)
    with pytest.raises(StackUnreachable, match="does not scrape shop-1"):
        preflight.all_scraped(prometheus(WELL, scraped=lambda: LONG_AGO), FakeClock(), lambda what: None, Pace())


def test_a_slow_rule_is_waited_for_before_the_steady_state_is_watched():
    told = []
    slow = prometheus(WELL, slow=3)
    preflight.rules_are_back(slow, FakeClock(), told.append, frozenset(RULES), Pace())
    assert told == ["for Prometheus to evaluate Other"] * 3
    assert "Other" in slow.look(0.0).rules


def test_a_rule_that_does_not_come_back_is_named():
    with pytest.raises(StackUnreachable, match="does not evaluate Gone, as it did before"):
        preflight.rules_are_back(prometheus(WELL), FakeClock(), lambda what: None, frozenset({"Gone"}), Pace())
