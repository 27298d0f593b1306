"""Routing in drill time: durations and URLs change, nothing else, and nobody outside the drill is paged."""

import copy
from datetime import timedelta

import pytest

from compose.drill_time import DRILL, DrillTimeError
from compose.pace.receivers import Pager
from compose.pace.routing import receiver_urls, routes_of, scale_routing
from compose.pace.timing import Durations

PAGER = "http://127.0.0.1:9"
LABELS = {"alertname": "A", "severity": "critical", "team": "a"}


def routing(*routes: dict, **root: object) -> dict:
    receiver = {"name": "pager", "webhook_configs": [{"url": "http://pager.example.com", "send_resolved": True}]}
    return {"route": {"receiver": "pager", **root, "routes": list(routes)}, "receivers": [receiver]}


def scaled(document: dict, **ways: str) -> dict:
    return scale_routing(document, Pager(PAGER, ways=ways), Durations(DRILL), "alertmanager.yml").document


def taken(document: dict):
    return routes_of(LABELS, document, scaled(document))


def test_only_durations_and_urls_change():
    document = routing(
        {"matchers": ['a="5m"'], "repeat_interval": "50s"},
        group_by=["alertname"], group_wait="20s", group_interval="5m", repeat_interval="3h",
    )  # fmt: skip
    document |= {
        "global": {"resolve_timeout": "5m"},
        "inhibit_rules": [{"source_matchers": ['a="1m"'], "target_matchers": ['b="1m"'], "equal": ["c"]}],
    }
    before = copy.deepcopy(document)
    drill = scaled(document)
    assert document == before, "the production document was changed in place"
    before["global"]["resolve_timeout"] = "5s"
    before["route"] |= {"group_wait": "333ms", "group_interval": "5s", "repeat_interval": "3m"}
    before["route"]["routes"][0]["repeat_interval"] = "833ms"
    before["receivers"][0]["webhook_configs"][0]["url"] = f"{PAGER}/receivers/pager"
    assert drill == before


def test_defaults_left_unsaid_are_scaled_too():
    expected = {"group_wait": "500ms", "group_interval": "5s", "repeat_interval": "4m"}
    assert scaled(routing())["route"].items() >= expected.items()
    (route,) = taken(routing())
    assert (route.group_wait_production, route.group_wait_drill) == (timedelta(seconds=30), timedelta(seconds=0.5))


@pytest.mark.parametrize(
    ("matchers", "receiver"),
    [
        (['severity="critical"'], "other"),
        (["severity=critical"], "other"),
        (['severity="critical", team=~"a|b"'], "other"),
        (['{severity="critical"}'], "other"),
        (['severity=~"crit"'], "pager"),  # anchored, as Alertmanager does
        (['severity!="critical"'], "pager"),
        (['severity="critical"', 'team!~"a|b"'], "pager"),
        (['absent=""'], "other"),
    ],
)
def test_an_alert_takes_the_route_its_labels_match(matchers, receiver):
    routes = taken(routing({"matchers": matchers, "receiver": "other"}))
    assert [route.receiver for route in routes] == [receiver]


def test_a_route_that_continues_adds_the_next_one():
    routes = taken(
        routing(
            {"receiver": "first", "continue": True, "routes": [{"receiver": "inner", "matchers": ["team=a"]}]},
            {"receiver": "second", "group_interval": "10m"},
            {"receiver": "never"},
        )
    )
    assert [route.receiver for route in routes] == ["inner", "second"]
    assert [route.group_interval_drill.total_seconds() for route in routes] == [5, 10]


def test_receivers_post_to_the_pager_under_their_names():
    assert receiver_urls(scaled(routing())) == {"pager": f"{PAGER}/receivers/pager"}


def test_a_receiver_may_have_a_way_of_its_own():
    document = routing()
    document["receivers"].append({"name": "fallback", "webhook_configs": [{"url": "http://fallback.example.com"}]})
    told = receiver_urls(scaled(document, pager="http://127.0.0.1:10"))
    assert told == {"pager": "http://127.0.0.1:10/receivers/pager", "fallback": f"{PAGER}/receivers/fallback"}


def test_what_is_no_matcher_is_refused():
    with pytest.raises(DrillTimeError, match="not understood"):
        taken(routing({"matchers": ["a ~ b"]}))


@pytest.mark.parametrize(
    ("node", "receiver"),
    [
        ({"match": {"severity": "critical"}}, "other"),
        ({"match": {"severity": "crit"}}, "pager"),
        ({"match_re": {"severity": "crit.*|page"}}, "other"),
        ({"match": {"severity": "critical"}, "match_re": {"team": "b"}}, "pager"),
        ({"matchers": [r'service=~"api\.v1"']}, "other"),
        ({"matchers": [r'service=~"api\.v2"']}, "pager"),
        ({"matchers": [r'path="a\\b"']}, "other"),
        ({"matchers": [r'said="a \"b\", {c}"']}, "other"),
        ({"matchers": ['"größe"="ö"', "größe=~ö|ü"]}, "other"),
        ({"matchers": ['page="yes"']}, "other"),
        ({"matchers": ["severity=critical,team=a", " "]}, "other"),
    ],
)
def test_a_route_is_read_as_people_write_it(node, receiver):
    labels = LABELS | {"service": "api.v1", "path": r"a\b", "said": 'a "b", {c}', "größe": "ö", "page": "yes"}
    document = routing(node | {"receiver": "other"})
    assert [route.receiver for route in routes_of(labels, document, scaled(document))] == [receiver]


def test_of_a_label_that_only_firing_fills_all_ways_are_told():
    document = routing(
        {"matchers": ["severity=critical"], "receiver": "page"}, {"matchers": ["team=a"], "receiver": "team"}
    )
    labels = LABELS | {"severity": "{{ if gt $value 1.0 }}critical{{ else }}warning{{ end }}"}
    assert [route.receiver for route in routes_of(labels, document, scaled(document))] == ["page", "team"]


def test_a_continue_that_says_no_does_not():
    document = routing(
        *({"receiver": name, "continue": said} for name, said in (("a", "true"), ("b", "no"), ("c", "")))
    )
    assert [route.receiver for route in taken(document)] == ["a", "b"]
