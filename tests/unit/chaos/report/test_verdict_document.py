"""The committed schema of verdict.json is that of the code, and what is written validates against it."""

import json

import jsonschema_rs
import pytest

from chaos.judge.judge import judge
from chaos.report import document
from compose.settings import ROOT
from tests.unit.recordings import facts, recording

SCHEMA = ROOT / "chaos" / "report" / "verdict.schema.json"


def test_the_committed_schema_is_that_of_the_code():
    assert SCHEMA.read_text() == document.schema_text(), (
        "make it again: stormdrill schema > chaos/report/verdict.schema.json"
    )


@pytest.mark.parametrize("of", [recording(), recording(readings=None), recording(facts=tuple(facts()[:2]))])
def test_a_verdict_validates(of):
    written = json.loads(document.render(judge(of)))
    jsonschema_rs.validate(json.loads(SCHEMA.read_text()), written)


def test_another_thing_does_not_validate():
    written = json.loads(document.render(judge(recording())))
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text()))
    assert validator.is_valid(written)
    assert not validator.is_valid(written | {"outcome": "fine"})
    assert not validator.is_valid({name: value for name, value in written.items() if name != "reasons"})


def test_fields_are_described():
    fields = document.schema()["$defs"]["AlertResult"]["properties"]
    assert fields["production"]["description"] == "What production durations would make of `design`."
