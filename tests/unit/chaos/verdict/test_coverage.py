"""The coverage matrix on made-up verdicts: what counts as a proof, what is open, and what fails."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from chaos.campaign import coverage_reading
from chaos.campaign.coverage_reading import Sources
from chaos.campaign.staleness import Present
from chaos.errors import InvalidFile
from chaos.report import index, matrix, summary
from chaos.spec.experiment import Vocabulary
from chaos.verdict.coverage import Matrix, Row, by_alert
from chaos.verdict.verdict import Outcome
from compose.settings import ROOT
from tests.unit.catalogues import alert, catalogue, entry, row, verdict
from tests.unit.recordings import facts

KNOWN = Vocabulary(frozenset({"Down", "Other"}), frozenset({"shop-2"}))
EXPERIMENT = (ROOT / "chaos" / "experiments" / "kill-instance.yaml").read_text()
RULES = "groups: [{name: g, rules: [{alert: Down, expr: up}, {alert: Other, expr: up}]}]\n"


def whole(*rows, alerts=("Down", "Other"), exempt=("Other",)):
    return Matrix(tuple(rows), alerts, dict.fromkeys(exempt, "a reason"))


def test_what_is_proven_or_exempt_is_complete():
    assert whole(row("kill", alert("Down"), alert("Other", "quiet"))).wrong() == []


@pytest.mark.parametrize(
    ("matrix_of", "says"),
    [
        (lambda: whole(row("kill", alert("Down", "late"))), "Down is not proven: kill: late"),
        (lambda: whole(row("kill", alert("Down", "quiet"), lists=())), "Down is not proven: no experiment lists it"),
        (lambda: whole(Row("kill", "c", "process.kill", ["Down"], None)), "Down is not proven: kill: no recording"),
        (lambda: whole(row("kill", alert("Down"), lists=())), "Down is not proven: no experiment lists it"),
        (
            lambda: whole(row("kill", alert("Down"), outcome=Outcome.INCONCLUSIVE)),
            "Down is not proven: kill: proven, but its run is inconclusive",
        ),
        (
            lambda: whole(row("kill", alert("Down"), alert("Other"))),
            "Other is exempt for nothing: it is proven",
        ),
        (
            lambda: whole(row("kill", alert("Down")), exempt=("Other", "Gone")),
            "Gone is exempt for nothing: there is no such alert",
        ),
    ],
)
def test_every_gap_has_its_words(matrix_of, says):
    assert matrix_of().wrong() == [says]


def test_experiments_that_say_the_same_are_named_together():
    rows = [row(name, alert("Down", "late")) for name in ("kill", "pause")]
    assert whole(*rows, row("stop", alert("Down", "stuck"))).wrong() == [
        "Down is not proven: kill, pause: late; stop: stuck"
    ]


def test_the_worst_of_several_with_one_name_counts():
    two = verdict("kill", alert("Down"), alert("Down", "stuck"))
    assert by_alert(two)["Down"].outcome == "stuck"
    assert whole(row("kill", alert("Down"), alert("Down", "stuck"))).proofs("Down") == []


def test_a_silence_that_says_nothing_is_unknown():
    one = row("kill", alert("Down"))
    assert whole(one).word(one, "Other") == "unknown"
    fired_before = msgspec.structs.replace(one.verdict, already_firing=["Other{severity=none}"])
    one = msgspec.structs.replace(one, verdict=fired_before)
    assert whole(one).word(one, "Other") == ""


def test_faults_that_nothing_sees_are_named_with_their_claim():
    seen = row("seen", alert("Down", "surprise"), lists=())
    tolerated = row("tolerated", alert("Down", "quiet"), lists=())
    nothing = row("no-fault", alert("Down", "quiet"), lists=(), fault="none")
    felt = row("felt", alert("Down", "quiet"), lists=(), outcome=Outcome.DEVIATED)
    found = whole(seen, tolerated, nothing, felt)
    assert [one.experiment for one in found.unseen()] == ["tolerated", "felt"]
    text = matrix.render(found, 0.0)
    assert "tolerated, as claimed: the claim of tolerated" in text
    assert "NOT tolerated, and nobody is told" in text


def test_the_slowest_are_five_and_in_order():
    rows = [row(f"kill-{number}", alert("Down", condition_true=float(number))) for number in range(7)]
    assert [proof.result.condition_true for proof in whole(*rows).slowest()] == [6, 5, 4, 3, 2]


@pytest.mark.parametrize(("delivered", "beyond"), [(4.4, False), (4.6, True)])
def test_a_delivery_beyond_its_design_is_named(delivered, beyond):
    found = whole(row("kill", alert("Down", condition_true=1.0, delivered=delivered)))
    assert found.proofs("Down")[0].beyond_design is beyond
    assert ("Delivered later than" in matrix.render(found, 0.0)) is beyond


@pytest.mark.parametrize(("delivered", "beyond"), [(16.4, False), (16.6, True)])
def test_what_kept_a_page_back_explains_its_lateness_up_to_the_groups_next_turn(delivered, beyond):
    found = whole(row("kill", alert("Down", condition_true=1.0, delivered=delivered, held_until=10.0)))
    assert found.proofs("Down")[0].beyond_design is beyond


def test_thirty_experiments_and_44_alerts_fit_in_120_columns():
    alerts = [f"PrometheusNotificationsFailing{number:02}" for number in range(44)]
    rows = [
        row(
            f"a-rather-long-name-of-one-{number:02}",
            *(alert(name, "proven" if place % 30 == number else "surprise") for place, name in enumerate(alerts)),
            lists=alerts,
            marks=["made by revision abcdef0", "with uncommitted changes", "the experiment's file has changed since"],
        )
        for number in range(30)
    ]
    found = whole(*rows, alerts=tuple(alerts), exempt=(alerts[43],))
    lines = matrix.render(found, 0.0).splitlines()
    assert max(len(line) for line in lines) <= 120
    assert all(any(line.startswith(f"  {name} ") for line in lines) for name in alerts)
    assert sum("the experiment's file has changed since" in " ".join(pair) for pair in pairwise(lines)) >= 30
    grid = [line for line in summary.render(catalogue(*(entry(one.experiment) for one in rows)), found).splitlines()
            if line.startswith("| PrometheusNotificationsFailing00 |") and line.count("|") == 32]  # fmt: skip
    assert len(grid) == 1
    assert (grid[0].count("✔"), grid[0].count("S")) == (1, 29)


def test_the_pages_escape_what_they_are_told():
    evil = "<script>alert(1)</script>"
    bad = row("kill", alert("Down", "surprise", reason=evil), lists=(), outcome=Outcome.DEVIATED, reasons=[evil])
    one = catalogue(entry("kill", bad.verdict))
    assert "<script" not in index.render(one, whole(bad))
    assert "<script" not in summary.render(one, whole(bad))
    assert "&lt;script" in index.render(one, whole(bad))


@pytest.fixture
def sources(tmp_path):
    """A project of one experiment and two alerts, of which one is exempt."""
    for name in ("experiments", "alerts", "runs"):
        (tmp_path / name).mkdir()
    experiment = EXPERIMENT.replace("HAProxyServerDown", "Down").replace("ShopInstanceDown", "Down")
    (tmp_path / "experiments" / "kill.yaml").write_text(experiment)
    (tmp_path / "alerts" / "a.rules.yml").write_text(RULES)
    (tmp_path / "alerts" / "exemptions.yml").write_text("no_experiment: {Other: for a reason}\n")
    return Sources(ROOT, tmp_path / "experiments", tmp_path / "alerts", tmp_path / "runs", lambda _: Present((), None))


def record(sources, name, wall, experiment=None, drop=()):
    folder = sources.runs / name
    folder.mkdir()
    changed = [msgspec.structs.replace(facts()[0], wall=wall, experiment_id="kill", run_id=name), *facts()[1:]]
    lines = [msgspec.json.encode(fact) for fact in changed if type(fact).__name__ not in drop]
    (folder / "recording.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    (folder / "experiment.yaml").write_text(experiment or (sources.experiments / "kill.yaml").read_text())
    return folder


def test_the_latest_recording_counts(sources):
    record(sources, "first", 20.0)
    record(sources, "second", 30.0)
    (sources.runs / "latest").symlink_to("first")
    (sources.runs / "empty").mkdir()
    (sources.runs / "empty" / "recording.ndjson").write_text("")
    assert coverage_reading.latest_recordings(sources.runs) == {"kill": sources.runs / "second"}
    (found,) = coverage_reading.read_matrix(sources, KNOWN).rows
    assert found.verdict.run_id == "second"
    assert found.seconds == 33.0
    assert found.marks == ["made by revision abc"]


def test_a_changed_experiment_is_marked(sources):
    record(sources, "one", 20.0, (sources.experiments / "kill.yaml").read_text() + "# other\n")
    (found,) = coverage_reading.read_matrix(sources, KNOWN).rows
    assert "the experiment's file has changed since" in found.marks


def test_an_experiment_without_a_recording_is_named_and_fails(sources, capsys):
    assert coverage_reading.print_matrix(sources, KNOWN) == 1
    printed = capsys.readouterr().out
    assert "no recording" in printed
    assert "Down is not proven: kill: no recording" in printed
    assert printed.splitlines()[-1] == "stormdrill: 1 gaps in the coverage"


def test_a_recording_that_cannot_be_read_is_named(sources):
    record(sources, "one", 20.0, experiment="title: other\n")
    (found,) = coverage_reading.read_matrix(sources, KNOWN).rows
    assert found.verdict is None
    assert "cannot be read" in found.marks[0]


def test_the_exit_code_follows_the_gaps(sources, monkeypatch, capsys):
    good = row("kill", alert("Down"), alert("Other", "quiet"))
    for rows, code in (((good,), 0), ((row("kill", alert("Down", "missed")),), 1)):
        monkeypatch.setattr(coverage_reading, "read_matrix", lambda *_, rows=rows: whole(*rows))
        assert coverage_reading.print_matrix(sources, KNOWN) == code
    assert "the coverage is complete" in capsys.readouterr().out


def test_what_renews_stale_proofs_is_a_command(sources, monkeypatch, capsys):
    rows = [msgspec.structs.replace(row(name, alert("Down")), stale={"Down": "why"}) for name in ("kill", "pause")]
    monkeypatch.setattr(coverage_reading, "read_matrix", lambda *_: whole(*rows))
    assert coverage_reading.print_matrix(sources, KNOWN) == 1
    assert "renew what is stale: make chaos-all ONLY='kill pause'\n" in capsys.readouterr().out


def test_exemptions_that_cannot_be_read_are_an_error(sources):
    (sources.alerts / "exemptions.yml").write_text("other: 1\n")
    with pytest.raises(InvalidFile, match="not a list of exemptions"):
        coverage_reading.read_matrix(sources, KNOWN)


def test_with_a_baseline_only_what_got_worse_fails(sources, capsys, tmp_path):
    """Case C28: a team's own alerts, of which many are not proven yet."""
    file = tmp_path / "baseline.yaml"
    with pytest.raises(InvalidFile, match="--renew writes one"):
        coverage_reading.print_matrix(sources, KNOWN, before=file)
    assert coverage_reading.print_matrix(sources, KNOWN, before=file, renew=True) == 0
    assert coverage_reading.print_matrix(sources, KNOWN, before=file) == 0
    assert "stormdrill: no new gaps in the coverage, 1 known" in capsys.readouterr().out
    (sources.alerts / "b.rules.yml").write_text("groups: [{name: h, rules: [{alert: New, expr: up == 2}]}]\n")
    assert coverage_reading.print_matrix(sources, KNOWN, before=file) == 1
    printed = capsys.readouterr().out
    assert "worse than the baseline: New is not proven: no experiment lists it" in printed
    assert "worse than the baseline: Down" not in printed


def test_what_is_no_longer_open_is_said(sources, capsys, tmp_path):
    file = tmp_path / "baseline.yaml"
    file.write_text("open: [Down, Gone]\n")
    assert coverage_reading.print_matrix(sources, KNOWN, before=file) == 0
    assert "no longer open, so that --renew may take them out" in capsys.readouterr().out


def test_alerts_that_a_prometheus_names_need_no_file_of_exemptions(sources, capsys):
    theirs = replace(sources, alerts=sources.experiments, names=frozenset({"Down", "Theirs"}))
    assert coverage_reading.print_matrix(theirs, KNOWN, Path("t.yaml")) == 1
    assert "Theirs is not proven: no experiment lists it" in capsys.readouterr().out
