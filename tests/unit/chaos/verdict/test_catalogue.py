"""Whether catalogue runs agree, and what counts as a catalogue that held."""

import msgspec
import pytest

from chaos.campaign import coverage_reading
from chaos.errors import InvalidFile
from chaos.report import comparison
from chaos.verdict import catalogue as catalogues
from chaos.verdict.verdict import Outcome
from tests.unit.catalogues import alert, catalogue, entry, verdict

PROVEN = verdict("kill", alert("Down"), alert("Other", "quiet"))


def runs(*verdicts):
    return [catalogue(entry("kill", one), name=f"all-{number}") for number, one in enumerate(verdicts)]


def test_runs_that_say_the_same_agree():
    slower = verdict("kill", alert("Down", delivered=4.0), alert("Other", "quiet"))
    three = runs(PROVEN, slower, PROVEN)
    assert catalogues.differences(three) == []
    assert comparison.agree(three)
    text = comparison.render(three)
    assert "0 differences in 1 verdicts and 2 alert outcomes" in text
    assert "Down in kill: delivered 3.50 to 4.00 of 10 s" in text
    assert text.splitlines()[-1] == "stormdrill: 3 catalogue runs agree"


@pytest.mark.parametrize(
    ("other", "what", "words"),
    [
        (verdict("kill", alert("Down", "late"), alert("Other", "quiet")), "kill / Down", ["proven", "late"]),
        (verdict("kill", alert("Down"), alert("Other", "surprise")), "kill / Other", ["quiet", "surprise"]),
        (verdict("kill", alert("Down")), "kill / Other", ["quiet", "unknown"]),
        (verdict("kill", alert("Down"), alert("Other", "quiet"), outcome=Outcome.DEVIATED), "kill",
         ["held (0)", "deviated (1)"]),
    ],
)  # fmt: skip
def test_every_difference_is_named(other, what, words):
    both = runs(PROVEN, other)
    (difference,) = catalogues.differences(both)
    assert (difference.what, difference.words) == (what, words)
    assert not comparison.agree(both)
    assert f"{what}: {', '.join(words)}" in comparison.render(both)


def test_how_many_instances_of_an_alert_were_proven_is_compared_and_how_many_may_fire_is_not():
    three = [alert("Down", labels={"instance": name}) for name in ("a", "b", "c")]
    allowed = [alert("Slow", "allowed", labels={"instance": name}) for name in ("a", "b")]
    both = runs(verdict("kill", *three, *allowed), verdict("kill", *three[:2], allowed[0]))
    (difference,) = catalogues.differences(both)
    assert (difference.what, difference.words) == ("kill / Down", ["3 proven", "2 proven"])
    mixed = runs(verdict("kill", three[0], alert("Down", "surprise")), verdict("kill", alert("Down", "surprise")))
    assert [one.words for one in catalogues.differences(mixed)] == [["1 surprise, 1 proven", "surprise"]]


def test_an_experiment_that_only_one_has_is_a_difference():
    more = catalogue(entry("kill", PROVEN), entry("pause", verdict("pause", alert("Down"))))
    differing = [one.what for one in catalogues.differences([runs(PROVEN)[0], more])]
    assert differing == ["pause", "pause / Down"]


def test_runs_that_were_ended_early_do_not_agree():
    early = catalogue(entry("kill", PROVEN), ended_early="by SIGINT", name="all-2")
    both = [runs(PROVEN)[0], early]
    assert not comparison.agree(both)
    assert "all-2 was ended early: by SIGINT" in comparison.render(both)


@pytest.mark.parametrize(
    ("of", "held"),
    [
        (catalogue(entry("kill", PROVEN)), True),
        (catalogue(entry("kill", PROVEN), planned=["kill", "pause"]), False),
        (catalogue(entry("kill", PROVEN), ended_early="by SIGINT"), False),
        (catalogue(entry("kill", PROVEN, exit_code=5)), False),
        (catalogue(entry("kill", verdict("kill", outcome=Outcome.INCONCLUSIVE))), False),
        (catalogue(msgspec.structs.replace(entry("kill"), verdict=None, exit_code=0)), False),
    ],
)
def test_it_held_only_if_everything_was_run_and_held(of, held):
    assert of.held is held


def test_comparing_reads_what_was_written_and_takes_two(tmp_path, capsys):
    for one in runs(PROVEN, PROVEN):
        (tmp_path / one.id).mkdir()
        (tmp_path / one.id / "catalogue.json").write_bytes(msgspec.json.encode(one))
    folders = [tmp_path / "all-0", tmp_path / "all-1"]
    assert coverage_reading.compare(folders) == 0
    assert "agree" in capsys.readouterr().out
    for wrong in (folders[:1], [folders[0], folders[0]], [folders[0], tmp_path]):
        with pytest.raises(InvalidFile):
            coverage_reading.compare(wrong)
