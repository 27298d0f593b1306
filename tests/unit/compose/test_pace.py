"""A stack of ours at any pace from production's to sixty times: what the files and the servers' settings say then."""

import json
from datetime import timedelta
from itertools import pairwise

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from chaos.facts.alerts import AlertmanagerConfigured, RuleSeen
from chaos.judge import heartbeat
from chaos.observe.timing import rules_loaded
from chaos.spec import routing, rule_text
from chaos.spec.pace import FASTEST as ENGINES_FASTEST
from chaos.spec.pace import Pace
from compose import healthy_past
from compose.config import target_file
from compose.drill_time import generate
from compose.pace.timing import FASTEST, at, parse
from compose.settings import ROOT, InvalidSettings, from_environment
from compose.topology import build
from tests.unit.recordings import recording

ALERTS = ROOT / "alerts"
paces = some.integers(1, FASTEST)


def drill(folder, pace):
    return generate(ALERTS, ALERTS / "alertmanager.yml", "http://pager", folder, profile=at(pace))


def seen(folder, pace):
    """The rules as Prometheus would tell them."""
    every = at(pace).drill.evaluation_interval.total_seconds()
    return [
        RuleSeen(
            0.0,
            "",
            one.name,
            one.records,
            one.query,
            one.for_seconds,
            one.keep_firing_for_seconds,
            one.labels,
            {},
            every,
        )
        for one in rule_text.read(folder / "rules")
    ]


def test_the_fastest_is_what_it_was():
    profile = at(FASTEST)
    assert [getattr(profile.drill, name) for name in ("scrape_interval", "scrape_timeout", "evaluation_interval")] == [
        timedelta(seconds=1)
    ] * 3
    assert profile.prometheus_flags == (
        "--rules.alert.resend-delay=5s",
        "--rules.alert.for-grace-period=1s",
        "--rules.alert.for-outage-tolerance=1m",
        "--query.lookback-delta=15s",
    )
    assert ENGINES_FASTEST == FASTEST


def test_the_slowest_is_production(tmp_path):
    profile = at(1)
    assert profile.drill == profile.production
    manifest = drill(tmp_path, 1)
    assert manifest.clamped == ()
    for name, alert in manifest.alerts.items():
        assert (alert.for_drill, alert.expr_drill) == (alert.for_production, alert.expr_production), name
        for route in alert.routes:
            assert route.group_wait_drill == route.group_wait_production


@given(pace=paces)
def test_looks_are_never_less_than_a_second_apart_and_in_whole_milliseconds(pace):
    drill_, production = at(pace).drill, at(pace).production
    for name in ("scrape_interval", "scrape_timeout", "evaluation_interval"):
        length = getattr(drill_, name)
        assert timedelta(seconds=1) <= length <= getattr(production, name)
        assert not length % timedelta(milliseconds=1)
    assert drill_.scrape_timeout <= drill_.scrape_interval


@given(pace=paces)
def test_flags_are_lengths_that_prometheus_reads(pace):
    for flag in at(pace).prometheus_flags:
        assert parse(flag.partition("=")[2], flag) > timedelta(0)


@settings(max_examples=6, deadline=None)
@given(pace=paces)
def test_what_is_told_by_the_servers_is_what_the_manifest_says(pace, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drill")
    manifest = drill(folder, pace)
    scrapes = dict.fromkeys(("shop", "inventory", "haproxy"), at(pace).drill.scrape_interval.total_seconds())
    routes = routing.read((folder / "alertmanager.yml").read_text())
    loaded = {
        one.alert: one
        for one in rules_loaded(
            seen(folder, pace), scrapes, routes, ("pager", "deadman", "fallback"), folder / "manifest.json"
        )
    }
    assert loaded.keys() == manifest.alerts.keys()
    for name, alert in manifest.alerts.items():
        timing, route = loaded[name].timing, alert.routes[0]
        assert timing.for_seconds == alert.for_drill.total_seconds()
        assert timing.keep_firing_for_seconds == alert.keep_firing_for_drill.total_seconds()
        assert timing.window_seconds == min((one.total_seconds() for one in alert.ranges_drill), default=0.0), name
        assert timing.group_wait_seconds == route.group_wait_drill.total_seconds()
        assert timing.group_interval_seconds == route.group_interval_drill.total_seconds()
        assert timing.scrape_seconds == manifest.drill.scrape_interval.total_seconds()
        assert timing.evaluation_seconds == manifest.drill.evaluation_interval.total_seconds()
        assert loaded[name].receiver == route.receiver
        assert loaded[name].production.for_seconds == alert.for_production.total_seconds()


@pytest.mark.parametrize(("pace", "gap"), [(60, 12.0), (10, 32.0), (1, 248.0)])
def test_one_turn_of_the_heartbeat_may_be_lost(tmp_path, pace, gap):
    drill(tmp_path, pace)
    configured = AlertmanagerConfigured(0.0, (tmp_path / "alertmanager.yml").read_text(), "0.25.0")
    made = recording(facts=(configured, *seen(tmp_path, pace)))
    assert heartbeat.longest_gap(made, "deadman") == pytest.approx(gap)


@pytest.mark.parametrize("pace", [60, 7, 1])
def test_the_past_is_as_long_as_the_longest_window(pace):
    counted = healthy_past.Counted("a_total", {}, 1e9, 50.0)
    lines = healthy_past.openmetrics([counted], 1e8, at(pace)).splitlines()[:-1]
    times = [float(line.split()[-1]) for line in lines]
    assert times[-1] - times[0] > at(pace).scaled(timedelta(hours=6)).total_seconds()
    apart = {round(later - earlier, 3) for earlier, later in pairwise(times)}
    assert apart == {at(pace).drill.scrape_interval.total_seconds()}


@pytest.mark.parametrize("pace", [60, 10, 1])
def test_the_target_says_at_which_pace_it_runs(tmp_path, pace):
    asked = from_environment({"STORMDRILL_STATE": str(tmp_path), "STORMDRILL_PACE": str(pace)})
    described = yaml.safe_load(yaml.safe_dump(target_file.describe(asked, build(asked), "native", {})))
    assert described["pace"] == pace
    assert Pace.of_ours(described["pace"]).beat == at(pace).beat.total_seconds() == 60 / pace


@pytest.mark.parametrize("pace", ["0", "61", "fast", "1.5"])
def test_what_is_no_pace_is_refused_by_name(pace):
    with pytest.raises(InvalidSettings, match="STORMDRILL_PACE"):
        from_environment({"STORMDRILL_PACE": pace})


def test_a_stack_of_another_pace_is_another_stack():
    one, other = (from_environment({"STORMDRILL_PACE": pace}) for pace in ("60", "10"))
    assert one.fingerprint() == from_environment({}).fingerprint() != other.fingerprint()


def test_the_manifest_says_the_pace(tmp_path):
    drill(tmp_path, 10)
    written = json.loads((tmp_path / "manifest.json").read_text())
    assert (written["scale"], written["drill"]["scrape_interval_seconds"]) == (10, 1.5)
