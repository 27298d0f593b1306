"""Lanes: pending and firing by Prometheus, paged by the pager, held back by Alertmanager; one for each alert."""

from chaos.console.lanes import NOTHING, State, Told, of, pages_of
from chaos.facts.alerts import AlertHistory, TakenAlert
from chaos.facts.game import Noted, Paged
from chaos.facts.pages import PageAlert, PageSeen
from chaos.facts.run import RunStarted
from tests.unit import recordings


def page(at, firing, *alerts, over=()):
    return Paged(0, at + 1, "pager", firing, list(alerts), "", "", at, list(over))


def history(state, samples, name="Down", **labels):
    return AlertHistory(20.0, name, labels, state, [float(at) for at in samples])


def lane(pages=(), histories=(), now=20.0, taken=(), step=1.0):
    [one] = of(pages, Told(histories, taken, step), now).all
    return one


def test_alerts_have_a_lane_each_from_page_to_over():
    told = [page(1, True, "a", "b"), page(2, True, "a"), page(5, False, "a"), page(7, True, "a"), page(8, False, "c")]
    told.append(page(9, True, "a", "b", over=["b"]))
    lanes = of([Noted(0, 0.0, "x", "y"), *told], NOTHING, 10.0).all
    assert {one.name: one.stretches for one in lanes} == {"a": [(1, 5), (7, None)], "b": [(1, 9)]}


def test_an_alert_is_pending_then_firing_then_over():
    one = lane(histories=[history("pending", range(3, 7)), history("firing", range(6, 12))])
    assert (one.name, one.stretches) == ("Down{}", [])
    assert one.states == [State("pending", 3.0, 6.0), State("firing", 6.0, 12.0)]


def test_what_still_fires_has_no_end_and_what_stopped_for_a_while_has_two_stretches():
    one = lane(histories=[history("firing", [2, 3, 10, 11, *range(12, 20)])])
    assert one.states == [State("firing", 2.0, 4.0), State("firing", 10.0, None)]


def test_rules_that_are_looked_at_seldom_are_not_torn():
    one = lane(histories=[history("firing", [200, 230, 260])], now=280.0, step=30.0)
    assert one.states == [State("firing", 200.0, None)]


def test_a_replay_knows_nothing_of_what_comes_later():
    one = lane(histories=[history("pending", [3, 4]), history("firing", [5, 6, 7])], now=4.5)
    assert one.states == [State("pending", 3.0, None)]


def test_a_page_is_of_the_instance_whose_labels_it_has_and_prometheus_adds_some_on_the_way():
    histories = [history("firing", [5, 6], instance="shop-2"), history("firing", [5, 6], instance="shop-1")]
    paged = [page(7, True, "Down{cluster=one, instance=shop-2}")]
    first, second = of(paged, Told(histories), 7.0).all
    assert (first.name, first.stretches, len(first.states)) == ("Down{cluster=one, instance=shop-2}", [(7, None)], 1)
    assert (second.name, second.stretches) == ("Down{instance=shop-1}", [])


def test_of_two_instances_that_a_page_may_be_of_it_is_of_the_one_that_says_more():
    histories = [history("firing", [5]), history("pending", [5], instance="shop-2")]
    lanes = of([page(6, True, "Down{instance=shop-2}")], Told(histories), 6.0).all
    assert [one.states[0].state for one in lanes] == ["pending", "firing"]


def test_a_heartbeat_has_no_lane_and_an_alert_that_was_paged_always_has():
    beat = history("firing", range(21), name="Watchdog")
    assert of([], Told([beat]), 20.0).all == []
    assert len(of([page(3, True, "Watchdog{}")], Told([beat]), 20.0).all) == 1


def test_labels_that_would_be_the_answer_are_no_part_of_a_name():
    assert lane(histories=[history("firing", [5], experiment="kill", fault="x", run="y", run_id="z")]).name == "Down{}"


def test_what_alertmanager_holds_back_is_said():
    silenced = TakenAlert("Down", {"instance": "shop-2", "cluster": "one"}, [], ["id"])
    told = [history("firing", [18, 19, 20], instance="shop-2")]
    assert lane(histories=told, taken=[silenced]).held_back == "silenced"
    assert lane([page(7, True, "Down{cluster=one, instance=shop-2}")], told, taken=[silenced]).held_back == "silenced"
    assert lane(histories=told, taken=[TakenAlert("Down", {}, ["All"])]).held_back == "inhibited by All"
    assert lane(histories=told, taken=[TakenAlert("Down", {"instance": "shop-1"}, [], ["id"])]).held_back == ""


def test_the_same_lanes_have_the_same_mark_and_others_another():
    one, same = (of([page(1, True, "a")], NOTHING, now) for now in (5.0, 6.0))
    assert one.mark == same.mark
    assert of([page(1, True, "a"), page(7, False, "a")], NOTHING, 8.0).mark != one.mark


def test_pages_of_a_run_are_those_that_the_pager_took():
    alert = PageAlert("Down", {"instance": "shop-2"}, "firing", 4.0)
    seen = [PageSeen(5.0, "pager", True, "", [alert]), PageSeen(6.0, "pager", False, "busy", [alert])]
    told = pages_of([*seen, PageSeen(7.0, "pager", True, "", [])])
    assert [(one.arrived, one.alerts) for one in told] == [(5.0, ["Down{instance=shop-2}"])]


def test_heartbeats_are_no_pages_of_a_run():
    alert = PageAlert("Down", {"instance": "shop-2"}, "firing", 4.0)
    seen = [PageSeen(5.0, "pager", True, "", [alert]), PageSeen(6.0, "deadman", True, "", [alert])]
    [began] = [fact for fact in recordings.facts() if isinstance(fact, RunStarted)]
    assert [one.arrived for one in pages_of([began, *seen])] == [5.0]
    assert [one.arrived for one in pages_of(seen)] == [5.0, 6.0], "where nobody says which they are"
