"""Every claim's file is whole, is measured and judged by somebody, and stands in docs/claims.md with its deviations."""

import re

import pytest

from chaos.claims.table import MEASURING
from chaos.errors import InvalidFile
from chaos.judge.claims.table import READERS
from chaos.machine import limits
from chaos.spec.claims import claim as claims
from compose.settings import ROOT
from tests.unit.chaos.claims.made_up import HYPOTHESES

FILES = claims.files(HYPOTHESES)
DOCS = (ROOT / "docs" / "claims.md").read_text()


def test_each_is_measured_and_judged_and_nobody_measures_or_judges_another():
    ids = {file.stem for file in FILES}
    assert ids == MEASURING.keys() == READERS.keys()


def test_they_are_run_in_their_order():
    numbers = [claims.read(file).number for file in FILES]
    assert numbers == [number for number in claims.ORDER if number in numbers]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_its_deviations_stand_in_the_table_of_the_docs(file):
    claim = claims.read(file)
    row = re.compile(rf"^\| {claim.number} \| `make claims ONLY={claim.number} DEVIATE=([a-z0-9-]+)` \| ", re.MULTILINE)
    assert set(row.findall(DOCS)) == set(claim.deviations)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_has_a_section_in_the_docs(file):
    claim = claims.read(file)
    assert re.search(rf"^### {claim.number}\. ", DOCS, re.MULTILINE)


def test_the_limits_that_claims_may_need_are_those_that_the_machine_is_asked_for():
    found = limits.limits()
    assert {one.name for one in found} == set(claims.LIMITS)
    assert all(one.value >= 0 and one.how for one in found)


def test_by_number_or_by_name_and_in_their_order():
    chosen = claims.choose(FILES, ["pooling", "5"])
    assert [file.stem for file in chosen] == ["waits", "pooling"]
    assert claims.choose(FILES, []) == FILES
    with pytest.raises(ValueError, match="no such claim: 99"):
        claims.choose(FILES, ["99"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("number: 7", "number: 77"), "number: must be one of"),
        (("rounds: 7", "rounds: 7\nneeds: { thumbs: 2 }"), "no such limit: thumbs"),
        (("measure: gzip_saves", "measure: gzip_saves\n    unknown: 1"), "unknown key"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path, change, says):
    text = (HYPOTHESES / "smaller.yaml").read_text()
    assert change[0] in text
    (tmp_path / "smaller.yaml").write_text(text.replace(*change))
    with pytest.raises(InvalidFile, match=says):
        claims.read(tmp_path / "smaller.yaml")
