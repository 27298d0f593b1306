"""Target files of stacks that are not ours: what they may say, and what follows from what they leave out."""

from pathlib import Path

import msgspec
import pytest

from chaos.cli.stack import vocabulary
from chaos.control.of_target import control_of
from chaos.control.systemd import SystemdControl
from chaos.errors import InvalidFile
from chaos.judge.judge import judge
from chaos.report import html, junit, terminal
from chaos.spec import experiment, target, target_schema, values
from chaos.spec.target import CommandLoad, PathsLoad, ShopLoad
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


def test_the_load_is_the_shops_or_its_own(written):
    assert target.read(written(LEAST)).load == ShopLoad()
    assert target.read(written(LEAST)).has_ledgers
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


SYSTEMD = """\
control:
  type: systemd
  ssh_config: ssh/config
  instances:
    a: { unit: app@1.service }
    b: { unit: app@1.service, host: ops@web-2 }
"""


def with_systemd(text=SYSTEMD):
    return LEAST.replace("control: { type: shell, instances: { a: { state: s, kill: k, start: s } } }\n", text)


def test_services_of_systemd_here_and_elsewhere(written, tmp_path):
    described = target.read(written(with_systemd()))
    assert described.control.ssh_config == str(tmp_path / "ssh" / "config")
    assert isinstance(control_of(described), SystemdControl)
    assert described.control.instances["b"].host == "ops@web-2"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("app@1.service }", "app@1 }", "not the full name of a service"),
        ("app@1.service }", "app@*.service }", "not the full name of a service"),
        ("app@1.service }", "'a.service b.service' }", "not the full name of a service"),
        ("app@1.service }", "app.socket }", "not the full name of a service"),
        ("ops@web-2", "-oProxyCommand=sh", "not a name that ssh may be given"),
        ("ops@web-2", "'web-2;reboot'", "not a name that ssh may be given"),
        (", host: ops@web-2", "", "a and b are the same unit app@1.service"),
        ("    a: { unit: app@1.service }\n", "", "no unit for a"),
        ("type: systemd", "type: systemd\n  at_once: 0", "at_once: must be a whole number from 1 to 64"),
        ("type: systemd", "type: systemd\n  password: x", "unknown field `password`"),
    ],
)
def test_a_service_that_is_none_is_refused(written, old, new, reason):
    assert old in SYSTEMD
    with pytest.raises(InvalidFile, match=reason):
        target.read(written(with_systemd(SYSTEMD.replace(old, new))))


@pytest.mark.parametrize("identity", ["identity: ./id", "identity: { file: run/a.pid }"])
def test_what_tells_one_process_from_the_next_is_a_command_or_a_file(written, identity):
    target.read(written(LEAST.replace("kill: k", f"kill: k, {identity}")))
    with pytest.raises(InvalidFile, match="control"):
        target.read(written(LEAST.replace("kill: k", "kill: k, identity: { pid: 4 }")))


@pytest.mark.parametrize(
    ("fault", "commands", "reason"),
    [
        ("crash", "", "no `crash` for a"),
        ("crash", ", crash: c", "no `identity` for a"),
        ("restart", ", identity: i", "no `stop` for a"),
        ("restart", ", stop: s", "no `identity` for a"),
        ("restart", ", stop: s, identity: i", ""),
        ("crash", ", crash: c, identity: { file: f }", ""),
        ("kill", "", ""),
    ],
)
def test_what_its_commands_cannot_do_is_refused_before_anything_is_touched(written, fault, commands, reason):
    described = written(LEAST.replace("start: s }", f"start: s{commands} }}"))
    file = written(CLAIM.replace("process.kill", f"process.{fault}"), "claim.yaml")
    if not reason:
        assert experiment.read(file, vocabulary(described)).fault.instance == "a"
        return
    with pytest.raises(InvalidFile, match=reason):
        experiment.read(file, vocabulary(described))


def test_the_schema_has_every_kind_of_control():
    text = target_schema.text()
    for word in ('"systemd"', '"ssh_config"', '"identity"', '"at_once"', '"unit"'):
        assert word in text
