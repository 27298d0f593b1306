"""A forgotten silence is named before anything is broken; one that leaves a listed alert a way to be told is none."""

import pytest

from chaos.facts.alerts import RuleSeen
from chaos.facts.inventory import Silence
from chaos.judge import silenced
from chaos.spec.alert_window import AlertWindow
from chaos.spec.values import Duration

SOON = Duration(seconds=1)
RULES = [
    RuleSeen(0.0, "g", "AppDown", False, "up == 0", labels={"team": "shop", "severity": "page"}),
    RuleSeen(0.0, "g", "AppDown", False, "up < 2", labels={"team": "shop", "severity": "ticket"}),
]
WINDOW = AlertWindow("AppDown", SOON, SOON, {"instance": "app-2"})


def said(*matchers):
    return silenced.listed([WINDOW], [Silence("s1", "lea", "18:00", matchers)], RULES)


@pytest.mark.parametrize(
    "matchers",
    [
        [("alertname", "=", "AppDown")],
        [("alertname", "=~", "App.*"), ("team", "=", "shop")],
        [("instance", "!=", "app-1")],
    ],
)
def test_a_silence_that_takes_all_that_the_window_takes_is_named(matchers):
    """Case C11."""
    assert said(*matchers) == ["silence s1 of lea, until 18:00, matches AppDown"]


@pytest.mark.parametrize(
    "matchers",
    [
        [("alertname", "=", "Other")],
        [("alertname", "=", "AppDown"), ("instance", "=", "app-1")],
        [("alertname", "=", "AppDown"), ("severity", "=", "page")],  # only one of the two rules of that name
        [("alertname", "=", "AppDown"), ("cluster", "=", "eu1")],  # which may be added on the way, or not
    ],
)
def test_a_silence_that_leaves_some_of_them_is_none(matchers):
    assert said(*matchers) == []
