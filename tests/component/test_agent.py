"""Agents: known to whoever undoes their fault, ended also when the undo comes before they have begun."""

import time

import msgspec
import psutil
import pytest

from chaos.agents.job import Place, Task
from chaos.errors import FaultFailed
from chaos.faults import agent
from chaos.machine import process_identity
from chaos.machine.process_identity import Child
from tests.fakes import system
from tests.waiting import until


@pytest.fixture
def target(tmp_path):
    whole = system(tmp_path)
    yield whole
    agent.stop(whole, "one")


def test_it_acts_until_it_is_stopped(target):
    assert agent.start(target, "one", "tests.idle_agent", {"says": "at work"}, 5.0) == "at work"
    assert agent.acts(target, "one").holds
    agent.stop(target, "one")
    assert agent.stopped(target, "one").holds
    assert not agent.acts(target, "one").holds


@pytest.mark.parametrize(("cover", "says"), [("", True), ("nobody-can-guess-it", False)])
def test_its_command_line_holds_nothing_of_what_it_is_told(target, cover, says):
    told, there = {"says": "at work", "dsn": "postgresql://who:password@db/shop"}, target.on_behalf_of(1, cover)
    agent.start(there, "one", "tests.idle_agent", told, 5.0)
    [file] = (target.target.state_folder / "agents").glob("*.process")
    command = psutil.Process(msgspec.json.decode(file.read_bytes(), type=Child).pid).cmdline()
    agent.stop(there, "one")
    assert command[1:] == ["-m", "chaos.agents", str(file.parent), file.stem]
    assert (file.stem == "one") is says
    assert agent.stopped(there, "one").holds


def test_it_does_what_it_was_told_last(target):
    for said in ("at work", "at work again"):
        assert agent.start(target, "one", "tests.idle_agent", {"says": said}, 5.0) == said
        agent.stop(target, "one")


def test_one_that_says_nothing_any_more_does_not_act(target, monkeypatch):
    agent.start(target, "one", "tests.idle_agent", {"says": "at work", "falls_silent": True}, 5.0)
    monkeypatch.setattr(agent, "SILENT_SECONDS", 0.2)
    until(lambda: not agent.acts(target, "one").holds)
    assert "says nothing" in agent.acts(target, "one").detail


def test_one_that_cannot_act_is_an_error_with_its_reason(target):
    with pytest.raises(FaultFailed, match="RuntimeError: no such table"):
        agent.start(target, "one", "tests.idle_agent", {"fails": "no such table"}, 5.0)


def test_an_undo_before_it_has_begun_keeps_it_from_beginning(target):
    agent.stop(target, "one")
    place = Place(target.target.state_folder / "agents", "one")
    place.job.write_bytes(msgspec.json.encode(Task("tests.idle_agent", 5.0, {})))
    process = process_identity.spawn("chaos.agents", [str(place.folder), place.name], place.log)
    until(lambda: not process_identity.is_alive(process))
    assert "undone before it began" in place.log.read_text()
    assert not place.status.exists()


def test_it_does_nothing_before_the_watchdog_knows_who_it_is(target):
    place = Place(target.target.state_folder / "agents", "one")
    seen = []

    def known():
        seen.append((place.process.exists(), place.status.exists()))
        time.sleep(0.5)
        seen.append((place.process.exists(), place.status.exists()))

    agent.start(target.on_behalf_of(1, "", known), "one", "tests.idle_agent", {"says": "at work"}, 5.0)
    assert seen == [(True, False), (True, False)]
    assert place.status.exists()


def test_one_whose_fault_was_broken_off_before_that_never_begins(target):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        agent.start(target.on_behalf_of(1, "", interrupted), "one", "tests.idle_agent", {"says": "at work"}, 5.0)
    time.sleep(0.3)
    assert not agent.acts(target, "one").holds
    agent.stop(target, "one")
    assert agent.stopped(target, "one").holds


def test_it_ends_by_itself_when_nobody_is_left_to_stop_it(target, monkeypatch):
    monkeypatch.setattr(agent, "BEYOND_HOLD_SECONDS", 0.0)
    # It has this long to begin as well; nobody is left for a minute, were it not for the line above.
    agent.start(target, "one", "tests.idle_agent", {"says": "at work"}, 4.0)
    until(lambda: not agent.acts(target, "one").holds)
    assert "does not run" in agent.acts(target, "one").detail


def test_a_second_one_of_the_same_name_is_refused(target):
    agent.start(target, "one", "tests.idle_agent", {"says": "at work"}, 5.0)
    with pytest.raises(FaultFailed, match="still running"):
        agent.start(target, "one", "tests.idle_agent", {"says": "at work"}, 5.0)
