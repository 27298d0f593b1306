"""Target files of stacks that are not ours: what they may say, and what follows from what they leave out."""

from pathlib import Path

import msgspec
import pytest

from chaos.cli.whose import vocabulary
from chaos.control.of_target import control_of
from chaos.errors import InvalidFile
from chaos.judge.judge import judge
from chaos.report import html, junit, terminal
from chaos.spec import experiment, target, values
from chaos.spec.loads import CommandLoad, PathsLoad, ShopLoad
from compose.settings import ROOT
from tests.unit.recordings import facts, recording

EXAMPLE = ROOT / "chaos" / "targets" / "example.yaml"
TINYAPP = ROOT / "tests" / "tinyapp" / "target.yaml"
LEAST = """\
version: 1
name: least
state: state
runs: runs
urls: { users: "http://u" }
control: { type: shell, instances: { a: { state: s, kill: k, start: s } } }
instances: { a: { role: a } }
"""
CLAIM = """\
title: t
claim: c
fault: { type: process.kill, instance: a, for: 3s }
steady_state: [{ name: n, query: "load:failed:ratio", during: "== 0" }]
recover_within: 5s
"""


@pytest.fixture
def written(tmp_path):
    def write(text, name="target.yaml"):
        file = tmp_path / name
        file.write_text(text)
        return file

    return write


@pytest.mark.parametrize("file", [EXAMPLE, TINYAPP])
def test_the_examples_are_valid(file):
    described = target.read(file)
    assert isinstance(described.load, PathsLoad)
    assert described.load.settings().users > 0
    assert described.instances.keys() <= control_of(described)._commands.instances.keys()


def test_paths_count_from_the_files_folder(written, tmp_path):
    described = target.read(written(LEAST))
    assert (described.state_folder, described.runs_folder) == (tmp_path / "state", tmp_path / "runs")
    assert described.working_directory == str(tmp_path)
    assert target.read(written(LEAST.replace("state: state", "state: /elsewhere"))).state_folder == Path("/elsewhere")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("alerting: { receiver: pager }", "needs the URLs of prometheus, alertmanager and pager"),
        ("alerting: { receiver: a, messages: { b: [slack] } }", "b: not among the receivers that lead to the pager"),
        ("alerting: { receiver: a, messages: { a: [fax] } }", "messages: fax: the pager takes discord, email, "),
        ("alerting: { receiver: a, receivers: [b], stands_for: [b] }", "stands_for: b: leads to the pager itself"),
        ("load: { type: paths, paths: [] }", "at least one is needed"),
        ("load: { type: paths, paths: [products] }", "leading /"),
        ("load: { type: paths, paths: { /: 0 } }", "weight of 1 or more"),
        ("load: { type: paths, paths: [/], rate: 0 }", "above zero"),
        ("load: { type: command }", "command"),
        ("load: { type: sometimes }", "sometimes"),
    ],
)
def test_what_cannot_work_is_an_error(written, more, reason):
    with pytest.raises(InvalidFile, match=reason):
        target.read(written(LEAST + more))


def test_an_instance_without_commands_is_an_error(written):
    with pytest.raises(InvalidFile, match="no commands for a"):
        target.read(written(LEAST.replace("{ a: { state", "{ b: { state")))


def test_pausing_without_resuming_is_an_error(written):
    with pytest.raises(InvalidFile, match="only of use together"):
        target.read(written(LEAST.replace("start: s", "start: s, pause: p")))


def test_a_target_that_says_nothing_is_asked_for_its_first_page_now_and_then(written):
    unsaid = target.read(written(LEAST))
    assert unsaid.load == PathsLoad(paths=["/"], rate=1.0, statuses=["2xx", "3xx"])
    assert not unsaid.has_ledgers


def test_the_load_is_the_shops_or_its_own(written):
    shop = target.read(written(LEAST + "load: { type: shop }"))
    assert (shop.load, shop.has_ledgers) == (ShopLoad(), True)
    own = target.read(written(LEAST + "load: { type: command, command: [./go], rate: 10, timeout: 1s }"))
    assert own.load == CommandLoad(command=["./go"], rate=10, timeout=values.Duration.parse("1s"))
    assert (own.load.settings().rate_per_second, own.has_ledgers) == (10, False)


def test_without_alerting_no_alert_can_be_claimed(written):
    known = vocabulary(written(LEAST))
    experiment.read(written(CLAIM, "fine.yaml"), known)
    alerts = "alerts: [{ name: ShopInstanceDown, fires_within: 2s, resolves_within: 5s }]\n"
    with pytest.raises(InvalidFile, match="unknown alert ShopInstanceDown; the target has no alerting"):
        experiment.read(written(CLAIM + alerts, "claims.yaml"), known)


def test_without_prometheus_no_promql_can_be_asked(written):
    with pytest.raises(InvalidFile, match="the target names no Prometheus"):
        experiment.read(written(CLAIM.replace("load:failed:ratio", "up"), "asks.yaml"), vocabulary(written(LEAST)))


def test_alerts_are_those_of_its_own_rules(written, tmp_path):
    more = "alerting: { receiver: pager }\nrules: rules\n"
    urls = 'urls: { users: "http://u", prometheus: "http://127.0.0.1:1", alertmanager: "http://a", pager: "http://g" }'
    file = written(LEAST.replace('urls: { users: "http://u" }', urls) + more)
    (tmp_path / "rules").mkdir()
    written("groups: [{ name: g, rules: [{ alert: TinyDown, expr: up == 0 }] }]", "rules/tiny.yaml")
    assert vocabulary(file).alerts == {"TinyDown"}
    ours = written(LEAST.replace('urls: { users: "http://u" }', urls) + "alerting: { receiver: pager }\n")
    # It names no rules, and nobody answers for it: then names are not checked, and never taken for those of our shop.
    assert (vocabulary(ours).alerts, vocabulary(ours).any_alert) == (frozenset(), True)


def changed(**started):
    first, *rest = facts()
    return (msgspec.structs.replace(first, **started), *rest)


def silent(given):
    """What a run without alerting records: no word of Prometheus, Alertmanager or the pager."""
    told = ("PrometheusSeen", "AlertmanagerSeen", "PagerSeen", "PageSeen", "AlertHistory", "HistoryAsked", "RuleLoaded")
    return tuple(fact for fact in given if type(fact).__name__ not in told)


def unlisted(**more):
    made = recording()
    return recording(experiment=msgspec.structs.replace(made.experiment, alerts=[]), **more)


def test_a_run_without_alerting_holds_and_says_so():
    verdict = judge(unlisted(facts=silent(changed(alerts_judged=False, known_alerts=[], heartbeat_receiver=""))))
    assert (verdict.exit_code, verdict.alerts, verdict.alerts_judged) == (0, [], False), verdict.reasons
    assert "not judged: the target names no alerting" in terminal.render(verdict, "runs/r")
    assert "Not judged: the target names no alerting" in html.render(verdict, recording(), "runs/r")
    assert "No alert fired" not in html.render(verdict, recording(), "runs/r")
    [case] = [case for case in junit.cases(verdict) if case.group == "alerts"]
    assert case.skipped


def test_silence_of_a_stack_that_has_alerting_is_missing_evidence():
    verdict = judge(unlisted(facts=silent(changed(known_alerts=[], heartbeat_receiver=""))))
    assert verdict.exit_code == 6


def test_a_load_without_ledgers_has_nothing_to_lose_and_one_with_them_has():
    nothing = {"readings": None, "sessions": None, "session_readings": None}
    verdict = judge(recording(facts=changed(has_ledgers=False), **nothing))
    assert verdict.exit_code == 0
    page = html.render(verdict, recording(), "runs/r")
    assert "keeps no ledger" in page
    assert "not read back" not in page
    assert all(case.skipped for case in junit.cases(verdict) if case.group == "ledgers")
    assert judge(recording(facts=changed(has_ledgers=True), **nothing)).exit_code == 6
