"""Each switch off beside one run with all on; whatever a run does the comparison goes on, and a signal ends it."""

import signal
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from chaos.campaign import ablation_run
from chaos.campaign.ablation_run import Plan
from chaos.campaign.runner import Setting
from chaos.errors import InvalidFile
from chaos.machine.interrupts import Interrupts
from chaos.report import document
from chaos.spec.ablation import Ablated, Notice, Table
from chaos.verdict.results import PhaseStats
from chaos.verdict.verdict import Outcome
from tests.failpoints import handlers_kept
from tests.unit.catalogues import verdict

# What stands for `stormdrill run`: it writes the verdict that lies ready for the experiment and its side, and notes
# that it was run.
RUNNER = """\
runs=$1 ready=$2 name=$3; shift 3
folder=$runs/$(ls $runs | wc -l)-$name
echo "$name ${SHOP_A:-}${SHOP_B:-} $*" >>$ready/ran
if [ "${SHOP_B:-}" = crash ]; then kill -9 $$; fi
if [ "${SHOP_B:-}" = signal ]; then kill -INT $PPID; exit 130; fi
mkdir $folder
ln -sfn ${folder##*/} $runs/latest
if [ -n "${SHOP_A:-}${SHOP_B:-}" ]; then side=off; else side=on; fi
cp $ready/$name-$side.json $folder/verdict.json
"""


class World:
    def __init__(self, folder: Path) -> None:
        self.runs, self.ready, self.said = folder / "runs", folder / "ready", []
        for one in (self.runs, self.ready):
            one.mkdir()
        (folder / "runner").write_text(RUNNER)
        self.command = ("sh", str(folder / "runner"), str(self.runs), str(self.ready))

    def is_ready(self, name: str, side: str, failed: int, **settings: str) -> None:
        phases = [PhaseStats("during", 10.0, 100, failed, 0.01, 0.1)]
        outcome = Outcome.HELD if failed == 0 else Outcome.DEVIATED
        made = verdict(name, phases=phases, settings=settings, outcome=outcome, reasons=[])
        (self.ready / f"{name}-{side}.json").write_bytes(document.render(made))

    def setting(self, told) -> Setting:
        command = ("env", *(f"{name}={value}" for name, value in told.items()), *self.command)
        return Setting(command, self.runs, lambda _: 30.0, lambda _: "")

    def run(self, *rows: Ablated, only=(), interrupts=None):
        plan = Plan(Table(list(rows)), tuple(only), self.runs, self.setting)
        return ablation_run.run(plan, self.runs, interrupts or Interrupts(), self.said.append)

    @property
    def ran(self) -> list[str]:
        return [line.strip() for line in (self.ready / "ran").read_text().splitlines()]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    for name in ("kill", "hang"):
        made.is_ready(name, "on", 0)
    made.is_ready("kill", "off", 50, SHOP_A="off")
    return made


def row(switch, experiment="kill", off="off", **changes):
    return Ablated(switch, experiment, Notice(failed=0.1), off=off, **changes)


def test_with_all_on_each_experiment_is_run_once_and_first(world):
    folder, found = world.run(row("SHOP_A"), row("SHOP_B"), row("SHOP_C", "hang"))
    assert world.ran == ["kill  --another-follows", "hang", "kill off", "kill off", "hang"]
    assert [one.found.value for one in found.compared] == ["noticed", "unknown", "unknown"]
    # What was off there was A, and that the recording says.
    assert "was told SHOP_A=off instead" in found.compared[1].off.why
    for file in ("ablation.json", "ablation.html", "ablation.md"):
        assert "SHOP_A" in (folder / file).read_text()
    assert found.complete
    assert not found.holds


def test_the_past_is_made_clean_ahead_only_for_a_run_on_the_same_stack(world):
    world.run(row("SHOP_A"), row("SHOP_B", "hang", given={"SHOP_TTL": "1s"}))
    assert [line for line in world.ran if "follows" in line] == []


def test_a_run_that_crashes_is_unknown_and_the_next_is_run(world):
    _, found = world.run(row("SHOP_B", off="crash"), row("SHOP_A"))
    assert [one.found.value for one in found.compared] == ["unknown", "noticed"]
    assert found.complete


def test_a_signal_ends_it_and_what_was_run_is_kept(world):
    with handlers_kept():
        interrupts = Interrupts()
        interrupts.listen()
        folder, found = world.run(row("SHOP_A"), row("SHOP_B", off="signal"), row("SHOP_C"), interrupts=interrupts)
    assert [one.row.switch for one in found.compared] == ["SHOP_A"]
    assert found.ended_early == f"by signal {int(signal.SIGINT)}"
    assert not found.complete
    kept = msgspec.json.decode((folder / "ablation.json").read_bytes())
    assert kept["ended_early"] == found.ended_early


def test_only_some_can_be_asked_for(world):
    _, found = world.run(row("SHOP_A"), row("SHOP_B"), only=["SHOP_A*"])
    assert found.planned == ["SHOP_A"]
    with pytest.raises(InvalidFile, match="no switch is called NONE"):
        world.run(row("SHOP_A"), only=["NONE"])


def test_the_command_tells_the_system():
    command = ablation_run.command({"SHOP_A": "off", "SHOP_TTL": "1s"})
    assert command[:3] == ("env", "SHOP_A=off", "SHOP_TTL=1s")
    assert command[-1] == "run"


def test_a_plan_is_a_value(world):
    plan = Plan(Table([row("SHOP_A")]), (), world.runs, world.setting)
    assert replace(plan, only=("SHOP_*",)).rows() == plan.rows()
