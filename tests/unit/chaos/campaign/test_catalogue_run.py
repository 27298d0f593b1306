"""The catalogue goes on whatever an experiment does, ends by Ctrl-C, and puts nothing over the latest single run."""

import os
import shutil
import signal
import threading
import time
from dataclasses import replace

import msgspec
import pytest

from chaos.campaign import catalogue_run as command
from chaos.campaign import coverage_reading, runner
from chaos.campaign.coverage_reading import Sources
from chaos.campaign.runner import Runner, Setting, StackLost
from chaos.campaign.staleness import Present
from chaos.errors import InvalidFile, RunInProgress
from chaos.machine.interrupts import Interrupts
from chaos.spec import experiment as experiments
from chaos.spec import length
from chaos.spec.experiment import Vocabulary
from chaos.spec.pace import Pace
from chaos.verdict.verdict import Outcome
from compose.settings import ROOT
from tests.failpoints import handlers_kept, once_at, watched
from tests.unit.catalogues import alert, catalogue, verdict
from tests.unit.recordings import recording

KNOWN = Vocabulary(frozenset({"Down"}), frozenset({"shop-2"}))
# What stands for `stormdrill run`: it does what the experiment's name says, and writes what a run writes.
RUNNER = """\
runs=$1 name=$2 folder=$1/1-$2
if [ $name = refused ]; then echo "stormdrill: run other (pid 7) is in progress: wait for it" >&2; exit 2; fi
mkdir $folder
ln -sfn 1-$name $runs/latest
if [ $name = crashed ]; then kill -9 $$; fi
if [ $name = waits ]; then
    trap "touch $folder/asked; exit 130" INT
    echo "hold 1 s" >&2
    touch $folder/ready
    while :; do sleep 0.05; done
fi
cp $runs/verdicts/$name.json $folder/verdict.json
echo "$3" > $folder/option
echo "undo 0.1 s" >&2
if [ $name = deviated ]; then exit 1; fi
"""


@pytest.fixture
def sources(tmp_path):
    for name in ("experiments", "alerts", "runs"):
        (tmp_path / name).mkdir()
    kill = (ROOT / "chaos" / "experiments" / "no-fault.yaml").read_text()
    for name in ("crashed", "deviated", "held", "refused", "waits"):
        (tmp_path / "experiments" / f"{name}.yaml").write_text(kill)
    (tmp_path / "alerts" / "a.rules.yml").write_text("groups: [{name: g, rules: [{alert: Down, expr: up}]}]\n")
    (tmp_path / "alerts" / "exemptions.yml").write_text("no_experiment: {Down: for a reason}\n")
    verdicts = tmp_path / "runs" / "verdicts"
    verdicts.mkdir()
    for name, outcome in (("held", Outcome.HELD), ("deviated", Outcome.DEVIATED)):
        made = verdict(name, alert("Down", "quiet"), outcome=outcome)
        (verdicts / f"{name}.json").write_bytes(msgspec.json.encode(made))
    return Sources(ROOT, tmp_path / "experiments", tmp_path / "alerts", tmp_path / "runs", lambda _: Present((), None))


@pytest.fixture
def setting(sources, tmp_path):
    program = tmp_path / "runner.sh"
    program.write_text(RUNNER)
    return Setting(("/bin/sh", str(program), str(sources.runs)), sources.runs, lambda _: 60.0, lambda _: "")


@pytest.fixture(autouse=True)
def signals_as_before():
    with handlers_kept():
        yield


def listening():
    interrupts = Interrupts()
    interrupts.listen()
    return interrupts


def written(sources):
    (folder,) = sources.runs.glob("*-all")
    return folder, coverage_reading.read_catalogue(folder)


def test_what_fails_crashes_or_is_refused_ends_nothing(sources, setting, capsys):
    planned = ["crashed", "deviated", "refused", "held"]
    assert command.run_all(planned, sources, KNOWN, setting, Interrupts(), Pace()) == 1
    folder, found = written(sources)
    assert [(one.experiment, one.word, one.exit_code) for one in found.entries] == [
        ("crashed", "did not run", -signal.SIGKILL),
        ("deviated", "deviated", 1),
        ("refused", "did not run", 2),
        ("held", "held", 0),
    ]
    assert "not a recording" in found.entries[0].detail
    assert found.entries[2].detail == "stormdrill: run other (pid 7) is in progress: wait for it"
    assert found.ended_early == ""
    assert {one.name for one in folder.iterdir()} == {"catalogue.json", "index.html", "summary.md", "junit.xml"}
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1].startswith("stormdrill: 1 of 4 held, report ")
    assert "[ 4/4] held" in printed.err
    assert "about" in printed.err.splitlines()[0]
    assert "left" in printed.err
    assert "users were hurt" in printed.err


def test_only_if_all_held_is_the_exit_code_0(sources, setting, capsys):
    assert command.run_all(["held"], sources, KNOWN, setting, Interrupts(), Pace()) == 0
    assert "users were hurt" not in capsys.readouterr().err


def test_the_latest_single_run_stays_the_latest(sources, setting):
    command.run_all(["deviated", "held"], sources, KNOWN, setting, Interrupts(), Pace())
    assert (sources.runs / "latest").resolve().name == "1-held"


def test_an_interrupt_is_passed_on_once_and_ends_the_catalogue(sources, setting, capsys):
    def interrupt():
        while not (sources.runs / "1-waits" / "ready").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    assert command.run_all(["deviated", "waits", "held"], sources, KNOWN, setting, listening(), Pace()) == 130
    assert (sources.runs / "1-waits" / "asked").exists()
    _, found = written(sources)
    assert (found.ended_early, found.left_out) == ("by SIGINT", ["held"])
    assert [one.exit_code for one in found.entries] == [1, 130]
    printed = capsys.readouterr().out
    assert "ended early: by SIGINT; not run: held" in printed


def test_a_signal_at_any_line_leaves_a_catalogue_that_says_what_was_run(sources, setting):
    started, places = catalogue(name="all", planned=["held"], ended_early="it died"), []

    def run(at):
        shutil.rmtree(sources.runs / "1-held", ignore_errors=True)
        (sources.runs / "latest").unlink(missing_ok=True)
        one = Runner(setting, listening(), lambda _: None)
        with watched((runner,), at):
            ended = runner.run_all(["held"], one, started, lambda _: None)
            return runner.exit_code(ended, one.signal_number), ended

    run(places.append)
    for place in dict.fromkeys(places):
        code, ended = run(once_at(place))
        assert (code, ended.ended_early) in ((130, "by SIGINT"), (0, "")), place
        assert [one.exit_code for one in ended.entries] in ([], [0], [-signal.SIGINT]), place
        assert code or ended.held, place


def test_a_stack_that_is_unwell_is_brought_back_and_it_is_said(sources, setting, capsys):
    unwell = iter(["redis-1: down", ""])
    setting = replace(setting, bring_back=lambda _: next(unwell))
    command.run_all(["deviated", "held"], sources, KNOWN, setting, Interrupts(), Pace())
    _, found = written(sources)
    assert [one.brought_back for one in found.entries] == ["redis-1: down", ""]
    assert "the stack was brought back: redis-1: down" in capsys.readouterr().err


def test_a_stack_that_cannot_be_brought_back_ends_it(sources, setting, capsys):
    def lost(_):
        raise StackLost("the stack could not be brought back: no port")

    setting = replace(setting, bring_back=lost)
    assert command.run_all(["held", "deviated"], sources, KNOWN, setting, Interrupts(), Pace()) == 1
    _, found = written(sources)
    assert (found.left_out, found.held) == (["deviated"], False)
    assert "no port" in capsys.readouterr().out


def test_the_past_is_cleaned_ahead_for_whichever_run_another_follows(sources, setting):
    command.run_all(["deviated", "held"], sources, KNOWN, setting, Interrupts(), Pace())
    options = {name: (sources.runs / f"1-{name}" / "option").read_text().strip() for name in ("deviated", "held")}
    assert options == {"deviated": runner.ANOTHER_FOLLOWS, "held": ""}


def test_only_a_run_that_came_to_its_end_vouches_for_the_stack(sources, setting):
    told = []
    setting = replace(setting, bring_back=lambda completed: told.append(completed) or "")
    command.run_all(["crashed", "deviated", "refused", "held"], sources, KNOWN, setting, Interrupts(), Pace())
    assert told == [False, True, False, True]


def test_bringing_back_waits_first():
    done = []
    assert command.bring_back(lambda _: "", lambda: done.append("up"))(True) == ""
    assert done == []
    assert command.bring_back(lambda _: "redis-1: down", lambda: done.append("up"))(True) == "redis-1: down"
    assert done == ["up"]


def test_a_runner_that_hangs_is_ended(sources, setting, monkeypatch):
    monkeypatch.setattr(runner, "_AROUND_SECONDS", 0.0)
    entry = Runner(replace(setting, longest=lambda _: 0.5), Interrupts(), lambda _: None).run("waits")
    assert entry.exit_code == -signal.SIGTERM


def test_a_second_catalogue_is_refused(sources, setting):
    with command._only_one(sources.runs), pytest.raises(RunInProgress):
        command.run_all(["held"], sources, KNOWN, setting, Interrupts(), Pace())
    assert list(sources.runs.glob("*-all")) == []


def test_what_was_done_is_on_disk_while_it_runs(sources, setting):
    saved = []
    started = catalogue(name="all", planned=["deviated", "held"], ended_early="it is still running, or died")
    runner.run_all(["deviated", "held"], Runner(setting, Interrupts(), lambda _: None), started, saved.append)
    assert [(len(one.entries), one.ended_early) for one in saved] == [
        (1, "it is still running, or died"),
        (2, "it is still running, or died"),
    ]


@pytest.mark.parametrize(
    ("only", "skip", "chosen"),
    [
        ([], [], ["crashed", "deviated", "held", "refused", "waits"]),
        (["h*", "w*"], [], ["held", "waits"]),
        (["*e*"], ["re*"], ["crashed", "deviated", "held"]),
    ],
)
def test_globs_choose(sources, only, skip, chosen):
    assert command.choose(sources.experiments, only, skip) == chosen


def test_globs_that_leave_nothing_are_an_error(sources):
    with pytest.raises(InvalidFile, match="no experiment is left"):
        command.choose(sources.experiments, ["nothing*"], [])


def test_what_earlier_recordings_took_is_the_guess(sources):
    folder = sources.runs / "20261123-held"
    folder.mkdir()
    changed = [msgspec.structs.replace(recording().facts[0], experiment_id="held"), *recording().facts[1:]]
    (folder / "recording.ndjson").write_bytes(b"\n".join(msgspec.json.encode(one) for one in changed) + b"\n{torn")
    waits = experiments.read(sources.experiments / "waits.yaml", KNOWN)
    assert command.estimates(["held", "waits"], sources, KNOWN, Pace()) == {
        "held": 35.5,
        "waits": 2.5 + length.about(waits, Pace()),
    }
    # Of another pace it says nothing.
    slow = Pace.of_ours(10)
    guesses = command.estimates(["held", "waits"], sources, KNOWN, slow)
    assert guesses["held"] == guesses["waits"] == 2.5 + length.about(waits.at(slow), slow)
