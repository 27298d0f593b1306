"""The judge of alerts that nobody listed: another alert's shadow, allowed, or a surprise."""

import msgspec
import pytest

from chaos.facts.alerts import ActiveAlert, AlertmanagerSeen, PrometheusSeen, TakenAlert
from chaos.facts.pages import PageSeen
from chaos.facts.run import StagedInjected, StagedUndone
from chaos.judge.judge import judge
from chaos.report import terminal
from chaos.report.alert_words import of_alert
from chaos.report.words import reasons
from chaos.spec import values
from chaos.spec.experiment import Experiment
from tests.unit.recordings import EXPERIMENT, LABELS, down, facts, history, is_page, page, recording, without

OTHER = {"instance": "shop-2"}


def taken(at, name="Other", labels=OTHER, by=("Down",)):
    return AlertmanagerSeen(float(at), None, [TakenAlert(name, labels, list(by))])


def other(verdict):
    return [(one.outcome.value, of_alert(one)) for one in verdict.alerts if one.name == "Other"]


def fired(*more):
    return (*facts(), history("firing", 14, 16, "Other", OTHER), *more)


def allowing(name):
    return msgspec.convert(EXPERIMENT | {"may_fire": [name]}, Experiment, dec_hook=values.decode)


def test_an_unlisted_alert_whose_page_another_one_inhibits_is_well():
    verdict = judge(recording(facts=fired(taken(15))))
    assert other(verdict) == [("inhibited", "fired, and nobody was paged: Down inhibits it")]
    assert (verdict.exit_code, reasons(verdict)) == (0, [])
    assert "inhibited   Other{instance=shop-2}: fired, and nobody was paged" in terminal.render(verdict, "x")


@pytest.mark.parametrize(
    "more",
    [
        (),
        (taken(15, by=()),),
        (taken(15, labels={"instance": "shop-3"}),),
        (taken(3), taken(4, by=())),
        (taken(15), page(17.0, name="Other", labels=OTHER)),
        (taken(15), page(17.0, name="Other", labels=OTHER, receiver="fallback")),
        (taken(15), page(17.0, name="Other", labels=OTHER, accepted=False)),
    ],
)
def test_who_was_paged_or_not_inhibited_is_a_surprise(more):
    verdict = judge(recording(facts=fired(*more)))
    assert other(verdict) == [("surprise", "fired and is not listed")]
    assert verdict.exit_code == 1


def test_a_listed_alert_that_was_inhibited_for_a_while_says_until_when_and_by_whom():
    held = (taken(11, "Down", LABELS, ("Outage",)), taken(12, "Down", LABELS, ()))
    verdict = judge(recording(facts=(*facts(), *held)))
    assert (down(verdict).outcome, down(verdict).held_until, down(verdict).held_by) == (
        "proven",
        2.0,
        "Outage inhibits it",
    )
    assert "its page was kept back until 2.00 s: Outage inhibits it" in terminal.render(verdict, "x")
    # What is held back only when the page is out, or was before the condition, explains nothing.
    for begin, end in ((14, 15), (8, 10)):
        held = (taken(begin, "Down", LABELS, ("Outage",)), taken(end, "Down", LABELS, ()))
        assert down(judge(recording(facts=(*facts(), *held)))).held_until is None


def test_a_fault_on_a_pages_way_says_until_when_it_kept_pages_back():
    also = [{"after": "1s", "fault": {"type": "process.kill", "instance": "alertmanager", "for": "1s"}}]
    experiment = msgspec.convert(EXPERIMENT | {"also": also}, Experiment, dec_hook=values.decode)
    staged = (StagedInjected(11.2, 0, "killed"), StagedUndone(12.5, 0, "serves"))
    result = down(judge(recording(facts=(*facts(), *staged), experiment=experiment)))
    assert (result.held_until, result.held_by) == (2.5, experiment.also[0].fault.describe())
    # Delivered 3.0 s after the injection by a pager that is slow until later.
    staged = (StagedInjected(11.2, 0, "killed"), StagedUndone(20.0, 0, "serves"))
    assert down(judge(recording(facts=(*facts(), *staged), experiment=experiment))).held_until == 3.0


def test_a_listed_alert_that_is_inhibited_is_undelivered_and_says_by_whom():
    left = without(is_page("firing"), is_page("resolved"))
    verdict = judge(recording(facts=(*left, taken(13, "Down", LABELS, ("Outage",)))))
    assert (down(verdict).outcome, of_alert(down(verdict))) == ("undelivered", "nobody was told: Outage inhibits it")
    assert verdict.exit_code == 1


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ((taken(15),), "may fire; did, and Down inhibits it"),
        (
            (page(17.0, name="Other", labels=OTHER), page(20.0, "resolved", name="Other", labels=OTHER)),
            "may fire; did, and pager was told",
        ),
    ],
)
def test_an_alert_that_may_fire_is_allowed_and_says_what_it_did(more, reason):
    verdict = judge(recording(experiment=allowing("Other"), facts=fired(*more)))
    assert other(verdict) == [("allowed", reason)]
    assert verdict.exit_code == 0


def test_an_alert_that_may_fire_and_does_not_is_allowed_too():
    assert other(judge(recording(experiment=allowing("Other")))) == [("allowed", "may fire; did not")]


def test_a_page_that_prometheus_knows_nothing_of_is_a_surprise():
    verdict = judge(recording(facts=(*facts(), page(17.0, name="Other", labels=OTHER))))
    assert other(verdict) == [("surprise", "fired and is not listed")]
    assert not [fact for fact in facts() if isinstance(fact, PageSeen) and fact.alerts[0].name == "Other"]


@pytest.mark.parametrize(
    "earlier",
    [
        (history("firing", 0, 0, "Other", OTHER),),
        (history("firing", 2, 4, "Other", OTHER),),
        (page(3.0, name="Other", labels=OTHER, fired_at=2.0),),
        (page(7.0, name="Other", labels=OTHER, fired_at=2.0),),
    ],
    ids=["its series, without a sample of this run", "its samples", "its page", "its page, which was late"],
)
def test_what_fired_and_was_over_before_users_were_watched_is_not_ours(earlier):
    verdict = judge(recording(facts=(*facts(), *earlier)))
    assert other(verdict) == [("quiet", "did not fire")]
    assert verdict.exit_code == 0


def test_what_fires_again_is_ours():
    again = (history("firing", 2, 4, "Other", OTHER), history("firing", 14, 16, "Other", OTHER))
    assert other(judge(recording(facts=(*facts(), *again)))) == [("surprise", "fired and is not listed")]


def test_what_fires_again_is_ours_also_if_only_the_looks_saw_it():
    # The store was emptied in between: all that is left of it is what was asked before.
    look = PrometheusSeen(14.5, None, [ActiveAlert("Other", OTHER, "firing", 13.0)], ["Down", "Other"])
    verdict = judge(recording(facts=(*facts(), history("firing", 2, 4, "Other", OTHER), look)))
    assert other(verdict) == [("surprise", "fired and is not listed")]
