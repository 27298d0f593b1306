"""A small claim from its file to its page, on the stack: held, and refuted by what its file says must refute it."""

from dataclasses import dataclass

import msgspec
import pytest
import yaml

from chaos.claims.run import Setting
from chaos.claims.table import MEASURING
from chaos.cli import claims as command
from chaos.cli.claim_stack import OwnStack
from chaos.drill.progress import Progress
from chaos.machine.interrupts import Interrupts
from chaos.spec import target as targets
from chaos.verdict.claims import ClaimsVerdict
from chaos.verdict.verdict import ExitCode
from tests.unit.chaos.claims.made_up import HYPOTHESES

pytestmark = pytest.mark.stack

COUNTED = ("gzip_saves", "page_share", "field_share")


@dataclass
class Standing:
    """The tests' stack, whatever settings are asked for."""

    stack: OwnStack

    def up(self, environment):
        return self.stack

    def down(self):
        raise AssertionError("the tests' stack is left up")


@pytest.fixture
def measured(stack, tmp_path):
    interrupts = Interrupts()
    own = OwnStack(stack.settings, stack.topology, targets.read(stack.target), interrupts)
    claim = yaml.safe_load((HYPOTHESES / "smaller.yaml").read_text())
    # What is counted is the same on a busy machine; what CPU says is not, nor how late the client is.
    claim["bounds"] = [bound for bound in claim["bounds"] if bound["measure"] in COUNTED]
    claim |= {
        "lag": "1m",
        "busy_cores": 99.0,
        "numbers": {"rounds": 1},
        "profiles": {"each": [{"rate": 20, "for": "500ms"}]},
    }
    file = tmp_path / "smaller.yaml"
    file.write_text(yaml.safe_dump(claim))

    def run(deviation=""):
        folder = tmp_path / f"claims-{deviation}"
        folder.mkdir()
        setting = Setting(MEASURING, Standing(own), interrupts, ("abc", False), deviation)
        assert command.measured([file], folder, setting, Progress()) is None
        code = command.conclude(folder, None, "make claims ONLY=7")
        return folder, code, msgspec.json.decode((folder / "verdict.json").read_bytes(), type=ClaimsVerdict)

    return run


def test_smaller_answers_are_held_and_refuted(measured, capsys):
    folder, code, verdict = measured()
    (claim,) = verdict.claims
    assert (claim.outcome, claim.findings, code) == ("held", [], ExitCode.HELD), capsys.readouterr().out
    assert {bound.measure for bound in claim.bounds} == set(COUNTED)
    assert "<svg" in (folder / "index.html").read_text()
    assert command.again(folder) == ExitCode.HELD
    _, code, verdict = measured("no-gzip")
    assert code == ExitCode.DEVIATED
    assert {bound.measure: bound.outcome for bound in verdict.claims[0].bounds} == {
        "gzip_saves": "deviated",
        "page_share": "held",
        "field_share": "held",
    }
