"""An alert is known again at the pager whatever Prometheus makes of its labels on the way (case C05)."""

import pytest

from chaos.facts.alerts import AlertmanagerSeen, AlertsSent, TakenAlert
from chaos.judge.judge import judge
from tests.unit.recordings import LABELS, down, facts, history, is_history, is_page, page, recording, without

EU1 = {"cluster": "eu1"}
DROP_POD = [{"action": "labeldrop", "regex": "pod"}]
RENAME = [
    {"source_labels": ["pod"], "target_label": "container"},
    {"regex": "pod", "action": "labeldrop"},
]


def told(own, arrived, *more):
    """A run in which Prometheus has the listed alert with `own` more labels, and the pager with `arrived`."""
    base = without(is_page("firing"), is_page("resolved"), is_history("pending"), is_history("firing"))
    had = (history("pending", 11, 12, labels=LABELS | own), history("firing", 12, 26, labels=LABELS | own))
    pages = (page(13.0, labels=LABELS | arrived), page(30.0, "resolved", labels=LABELS | arrived))
    return judge(recording(facts=(*base, *had, *pages, *more)))


@pytest.mark.parametrize(
    ("own", "arrived", "sent"),
    [
        ({}, EU1, None),
        ({}, EU1, AlertsSent(0.0, EU1 | {"replica": "a"}, [{"regex": "replica", "action": "labeldrop"}])),
        ({"pod": "x"}, EU1, AlertsSent(0.0, EU1, DROP_POD)),
        ({"pod": "x"}, {"container": "x"}, AlertsSent(0.0, {}, RENAME)),
        ({}, EU1, AlertsSent(0.0, error="403")),
    ],
)
def test_it_is_one_alert_with_both_ends_of_its_way(own, arrived, sent):
    verdict = told(own, arrived, *([sent] if sent else []))
    assert (down(verdict).outcome.value, len([one for one in verdict.alerts if one.name == "Down"])) == ("proven", 1)
    assert None not in (down(verdict).condition_true, down(verdict).firing, down(verdict).delivered)


def test_without_the_configuration_a_label_that_is_dropped_cannot_be_known():
    """What the fact is needed for: the test above would say nothing otherwise."""
    assert down(told({"pod": "x"}, EU1)).condition_true is None or len(told({"pod": "x"}, EU1).alerts) > 2


def test_an_inhibited_alert_with_external_labels_is_inhibited_and_no_surprise():
    shadow = {"instance": "shop-2"}
    seen = (
        history("firing", 14, 16, "Other", shadow),
        AlertmanagerSeen(15.0, None, [TakenAlert("Other", shadow | EU1, ["Down"])]),
    )
    verdict = judge(recording(facts=(*facts(), *seen)))
    assert [one.outcome.value for one in verdict.alerts if one.name == "Other"] == ["inhibited"]
