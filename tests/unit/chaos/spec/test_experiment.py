"""Experiment files: what is wrong is named with file, line and path; the shipped ones and the one to copy are right."""

import re
from datetime import timedelta

import pytest

from chaos.cli import listing
from chaos.errors import InvalidFile
from chaos.spec import experiment as experiments
from chaos.spec.experiment import Vocabulary
from chaos.spec.faults.table import FAULTS
from chaos.spec.rules import alert_names
from chaos.spec.values import Bound, Duration
from chaos.verdict.verdict import ExitCode
from compose import topology
from compose.settings import ROOT, from_environment

STACK = topology.build(from_environment({"STORMDRILL_STATE": "/var/tmp/x"}))
KNOWN = Vocabulary(
    alert_names(ROOT / "alerts"), frozenset(program.name for program in STACK.programs), frozenset(STACK.links())
)
SOUND = (ROOT / "chaos/experiments/kill-instance.yaml").read_text()


@pytest.mark.parametrize("file", sorted((ROOT / "chaos/experiments").glob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_experiments_are_valid_and_short(file):
    experiments.read(file, KNOWN)
    assert len(file.read_text().splitlines()) <= 40


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("title:", "titel:", "unknown key titel|missing key title"),
        ("shop-2, for", "shop-7, for", r":4: fault\.instance: unknown instance shop-7"),
        ("process.kill", "process.tickle", r":4: fault\.type: invalid value 'process.tickle'"),
        (
            "process.kill, instance: shop-2, for: 15s",
            "process.hog, processes: 1, for: 2m",
            r":4: fault\.for: 60s at most",
        ),
        ("for: 15s", "for: 15", r":4: fault\.for: 15 is not a duration"),
        ("for: 15s", "for: 0s", r":4: fault\.for: '0s' is not a duration"),
        ("load:failed:ratio", "load:failed:share", r":7: steady_state\[0\]\.query: unknown load metric"),
        ('"< 0.002"', '"about 0"', r":9: steady_state\[0\]\.during: 'about 0' is not a bound"),
        ("name: ShopInstanceDown", "name: ShopInstanceGone", r":18: alerts\[0\]\.name: unknown alert ShopInstanceGone"),
        ("fires_within: 10s", "fires_within: 90s", r":18: alerts\[0\]\.fires_within: longer than the fault is held"),
        ("recover_within: 15s", "recover_within: 15s\nrecover_within: 16s", r"recover_within: given twice"),
        ("title: Killing", "title: [Killing", r"not YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, reason):
    assert old in SOUND
    file = tmp_path / "mine.yaml"
    file.write_text(SOUND.replace(old, new, 1))
    with pytest.raises(InvalidFile, match=reason) as caught:
        experiments.read(file, KNOWN)
    assert str(caught.value).startswith(str(file))


def test_an_unknown_link_is_named_with_those_that_exist(tmp_path):
    file = tmp_path / "mine.yaml"
    fault = "{ type: network.down, link: postgres/shop-9, for: 15s }"
    file.write_text(SOUND.replace("{ type: process.kill, instance: shop-2, for: 15s }", fault))
    with pytest.raises(
        InvalidFile, match=r":4: fault\.link: unknown link postgres/shop-9; .*postgres/shop-2, "
    ) as caught:
        experiments.read(file, KNOWN)
    file.write_text(file.read_text().replace("shop-9", "shop-2"))
    experiments.read(file, KNOWN)
    assert "inventory/shop-1" in str(caught.value)


def test_a_page_may_come_after_the_undo_only_where_a_fault_delays_pages(tmp_path):
    file = tmp_path / "mine.yaml"
    late = SOUND.replace("fires_within: 10s", "fires_within: 20s")
    for blinded, valid in (("alertmanager", True), ("prometheus", True), ("pager", True), ("jaeger", False)):
        also = f"also: [{{ fault: {{ type: process.kill, instance: {blinded}, for: 5s }} }}]\n"
        file.write_text(late.replace("steady_state:", f"{also}steady_state:", 1))
        if valid:
            assert experiments.read(file, KNOWN).delays_pages
        else:
            with pytest.raises(InvalidFile, match="longer than the fault is held"):
                experiments.read(file, KNOWN)


def test_an_unknown_experiment_lists_those_that_exist():
    with pytest.raises(InvalidFile, match="kill-instance"):
        experiments.find(ROOT / "chaos/experiments", "kill-everything")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("500ms", 0.5), ("90s", 90), ("2m", 120), ("1h", 3600), ("1.5s", 1.5), ("0.05s", 0.05)),
        *(("1h30m", 5400), ("1m30s", 90), ("1d", 86400), ("1w", 604800), ("1s500ms", 1.5)),
    ],
)
def test_durations(text, seconds):
    assert Duration.parse(text) == timedelta(seconds=seconds)
    assert Duration.parse(str(Duration.parse(text))) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "5 s", "-5s", "0s", "0h0m", "s", 5, None, "5y", "5ns", "1e3s", "1h-30m", "1h 30m"]
)
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="is not a duration"):
        Duration.parse(text)


@pytest.mark.parametrize(
    ("text", "measured", "holds"),
    [
        ("< 1", 0.9, True),
        ("< 1", 1.0, False),
        ("<= 1", 1.0, True),
        ("== 0", 0.0, True),
        ("> 2", 2.0, False),
        ("== 0", float("nan"), False),
    ],
)
def test_bounds(text, measured, holds):
    assert Bound.parse(text).holds(measured) is holds


def test_the_table_of_faults_names_each_by_its_tag():
    assert all(fault.__struct_config__.tag == name for name, fault in FAULTS.items())


def test_the_example_to_copy_is_right(tmp_path):
    page = (ROOT / "docs/experiments.md").read_text()
    file = tmp_path / "mine.yaml"
    example, *may_be_added = re.findall(r"```yaml\n(.*?)```", page, flags=re.S)
    for more in ("", *may_be_added):
        file.write_text(example + more)
        experiments.read(file, KNOWN)


def test_the_page_of_verdicts_has_every_exit_code():
    page = (ROOT / "docs/verdicts.md").read_text()
    codes = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", page, flags=re.M) for code in row.split(",")}
    assert codes == {int(code) for code in ExitCode}


def test_the_page_of_experiments_is_that_of_the_files():
    folder = ROOT / "chaos/experiments"
    assert (folder / "README.md").read_text() == listing.catalogue(folder, KNOWN), (
        "make it again: stormdrill list --markdown > chaos/experiments/README.md"
    )


def test_every_shipped_experiment_is_about_a_principle():
    folder = ROOT / "chaos/experiments"
    assert all(experiments.read(file, KNOWN).principle for file in experiments.files(folder))
