"""Who is told of an alert: Alertmanager's own way through its tree."""

import json

import pytest

from chaos.spec import routing

TREE = """
route:
  receiver: root
  routes:
    - matchers: ['alertname="Watchdog"']
      receiver: deadman
    - match: { team: db }
      receiver: db
      routes:
        - { match_re: { severity: "crit.*" }, receiver: db-page, continue: true }
        - { matchers: ['severity!="info"'], receiver: db-mail }
    - matchers: ['{team=~"web|shop", severity="critical"}']
      continue: true
    - matchers: [team=web]
      receiver: web
"""


@pytest.mark.parametrize(
    ("name", "labels", "receivers"),
    [
        ("Watchdog", {}, ["deadman"]),
        ("A", {}, ["root"]),
        ("A", {"team": "db", "severity": "critical"}, ["db-page", "db-mail"]),
        ("A", {"team": "db", "severity": "warning"}, ["db-mail"]),
        ("A", {"team": "db", "severity": "info"}, ["db"]),
        ("A", {"team": "web", "severity": "critical"}, ["root", "web"]),
        ("A", {"team": "webshop", "severity": "critical"}, ["root"]),
        ("A", {"team": "web"}, ["web"]),
    ],
)
def test_who_is_told(name, labels, receivers):
    assert routing.read(TREE).receivers(name, labels) == receivers


def test_quoted_values_are_read_as_they_are_meant():
    tree = 'route: { receiver: a, routes: [{ receiver: b, matchers: ["x=\\"1, {2}\\\\\\"\\""] }] }'
    assert routing.read(tree).receivers("A", {"x": '1, {2}"'}) == ["b"]


@pytest.mark.parametrize(
    ("matcher", "labels", "told"),
    [
        (r'service=~"api\.v1"', {"service": "api.v1"}, True),
        (r'service=~"api\.v1"', {"service": "apixv1"}, False),
        (r'service=~"api\\.v1"', {"service": "api.v1"}, True),
        (r'path="a\\b"', {"path": r"a\b"}, True),
        ('"größe"="ö"', {"größe": "ö"}, True),
        ("größe=~ö|ü", {"größe": "ü"}, True),
        ("a=b, c=d,", {"a": "b", "c": "d"}, True),
        ("a=b, c=d", {"a": "b"}, False),
    ],
)
def test_matchers_are_read_as_people_write_them(matcher, labels, told):
    tree = json.dumps({"route": {"receiver": "a", "routes": [{"receiver": "b", "matchers": [matcher]}]}})
    assert routing.read(tree).receivers("A", labels) == (["b"] if told else ["a"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: [",
        "route: {receiver: a, routes: [{matchers: ['a ~ b']}]}",
        "route: 3",
        "receivers: []",
        "route: {receiver: a, routes: [{matchers: ['a=~\"(\"']}]}",
    ],
)
def test_what_is_no_configuration_is_an_error(text):
    with pytest.raises(ValueError, match="no configuration"):
        routing.read(text)


@pytest.mark.parametrize(
    ("ways", "silent"),
    [
        ("webhook_configs: [{ url: x }]", False),
        ("webhook_configs: [{ url: x, send_resolved: false }]", True),
        ("email_configs: [{ to: x }]", True),
        ("email_configs: [{ to: x, send_resolved: true }]", False),
        ("slack_configs: [{ channel: x }], webhook_configs: [{ url: x }]", False),
        ("", False),
    ],
)
def test_who_is_told_of_no_resolution(ways, silent):
    config = f"route: {{ receiver: one }}\nreceivers: [{{ name: one{', ' if ways else ''}{ways} }}]\n"
    assert ("one" in routing.read(config).silent_on_resolution) is silent


@pytest.mark.parametrize(
    ("pattern", "value", "told"),
    [
        ("[[:alpha:]]+", "abc", True),
        ("[[:alpha:]]+", "a1", False),
        ("[^[:digit:]x]", "5", False),
        ("(?i)crit.*", "Critical", True),
    ],
)
def test_a_pattern_is_read_as_go_reads_it(pattern, value, told):
    """Python would take the class for a set of letters, and route elsewhere."""
    tree = f"{{ receiver: a, routes: [{{ receiver: b, matchers: ['x=~\"{pattern}\"'] }}] }}"
    routed = routing.read(f"route: {tree}\nreceivers: [{{ name: a }}, {{ name: b }}]\n")
    assert (routed.receivers("A", {"x": value}) == ["b"]) is told


def test_a_pattern_that_is_none_here_makes_no_other_one():
    for pattern in ("[[:nothing:]]", "a|(?i)b"):
        with pytest.raises(ValueError, match="no configuration"):
            routing.read(f"route: {{ receiver: a, routes: [{{ receiver: a, matchers: ['x=~\"{pattern}\"'] }}] }}")
