"""What is to break the machine is measured and judged by who measures and judges the claim of its name."""

import pytest

from chaos.claims.table import MEASURING
from chaos.cli.claims import EXTREME, HYPOTHESES
from chaos.judge.claims.table import READERS
from chaos.spec.claims import claim as claims

FILES = claims.files(EXTREME)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_the_claim_with_other_numbers(file):
    claim, usual = claims.read(file), claims.read(HYPOTHESES / file.name)
    assert file.stem in MEASURING.keys() & READERS.keys()
    assert claim.numbers.keys() == usual.numbers.keys()
    assert claim.deviations == usual.deviations


def test_it_is_not_measured_unless_asked_for():
    assert FILES
    assert not set(FILES) & set(claims.files(HYPOTHESES))


def test_a_process_that_holds_may_open_what_it_needs():
    for folder in (HYPOTHESES, EXTREME):
        claim = claims.read(folder / "connections.yaml")
        numbers = claim.numbers
        assert numbers["connections"] / numbers["processes"] + 100 < claim.needs["open_files"]
        assert numbers["connections"] / numbers["processes"] < claim.needs["ephemeral_ports"]
        # HAProxy takes back who is silent for 120 s.
        assert numbers["every_seconds"] < 120
        assert numbers["hold_seconds"] >= numbers["every_seconds"]
        assert not numbers["disturbed_seconds"] or numbers["disturbed_seconds"] >= numbers["every_seconds"]
