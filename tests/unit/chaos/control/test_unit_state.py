"""What `systemctl show` answers, as its manual has it: no answer is taken for a service that is down."""

import os
from pathlib import Path

import pytest

from chaos.control import unit_state
from chaos.errors import SignalUnavailable

RUNS = """\
LoadState=loaded
ActiveState=active
SubState=running
FreezerState=running
MainPID=4321
ExecMainStartTimestampMonotonic=81234567
InvocationID=0f5c5b6f4b8e4a0f8a3c1d2e3f405162
ControlGroup=/system.slice/nginx.service
"""
DOWN = """\
LoadState=loaded
ActiveState=inactive
SubState=dead
FreezerState=running
MainPID=0
ExecMainStartTimestampMonotonic=0
"""
# From systemd 252's manuals, and as `systemctl show` writes them: an unset property may be left out.


def saying(text=RUNS, **changed):
    [unit] = unit_state.read(text, ["nginx.service"])
    return unit_state.UnitState(unit.told | changed)


@pytest.mark.parametrize(
    ("changed", "state", "running", "down"),
    [
        ({}, "RUNNING", True, False),
        ({"ActiveState": "reloading", "SubState": "reload"}, "RUNNING", True, False),
        ({"FreezerState": "frozen"}, "PAUSED", False, False),
        ({"FreezerState": "frozen-by-parent"}, "PAUSED", False, False),
        ({"FreezerState": "freezing"}, "RUNNING", True, False),
        ({"ActiveState": "activating", "SubState": "start"}, "STARTING", False, False),
        ({"ActiveState": "activating", "SubState": "auto-restart", "MainPID": "0"}, "BACKOFF", False, False),
        ({"ActiveState": "inactive", "SubState": "dead-before-auto-restart", "MainPID": "0"}, "BACKOFF", False, False),
        ({"ActiveState": "deactivating", "SubState": "stop-sigterm"}, "DEACTIVATING", False, False),
        ({"ActiveState": "deactivating", "SubState": "stop-post", "MainPID": "0"}, "DEACTIVATING", False, False),
        ({"ActiveState": "inactive", "SubState": "dead"}, "STOPPED", False, True),
        ({"ActiveState": "failed", "SubState": "failed"}, "STOPPED", False, True),
        ({"ActiveState": "inactive", "SubState": "dead", "LoadState": "masked"}, "STOPPED", False, True),
        ({"LoadState": "not-found"}, "RUNNING", True, False),  # its file was removed while it runs
    ],
)
def test_each_state_of_a_service_has_its_word(changed, state, running, down):
    seen = saying(**changed).as_process(here=False)
    assert (seen.state, seen.running, seen.kept_down, seen.pid) == (state, running, down, 0)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"ActiveState": "inactive", "LoadState": "not-found"}, "not-found"),
        ({"ActiveState": "inactive", "LoadState": "bad-setting"}, "bad-setting"),
        ({"SubState": "exited", "MainPID": "0"}, "has no process"),
        ({"ActiveState": "maintenance"}, "'maintenance'"),
        ({"ActiveState": ""}, "no state that we know"),
    ],
)
def test_what_says_nothing_of_a_process_is_neither_up_nor_down(changed, why):
    seen = saying(**changed).as_process(here=True)
    assert (seen.state, seen.running, seen.kept_down) == ("UNKNOWN", False, False)
    assert why in str(seen)


@pytest.mark.parametrize("said", ["", "\n\n", RUNS, f"{RUNS}\n{RUNS}\n{DOWN}", "Id=x\n\nId=y\n", "garbage\n\ngarbage"])
def test_an_answer_about_others_is_none(said):
    with pytest.raises(SignalUnavailable, match=r"asked for a\.service, b\.service"):
        unit_state.read(said, ["a.service", "b.service"])


def test_several_units_are_told_in_the_order_of_the_question():
    first, second = unit_state.read(f"{RUNS}\n{DOWN}", ["a.service", "b.service"])
    assert [one.as_process(here=False).state for one in (first, second)] == ["RUNNING", "STOPPED"]


@pytest.mark.parametrize(
    "changed",
    [{"MainPID": "4322"}, {"MainPID": "0"}, {"InvocationID": "ff"}, {"ExecMainStartTimestampMonotonic": "81234568"}],
)
def test_the_next_process_has_another_identity(changed):
    assert saying().identity == saying().identity != saying(**changed).identity


def test_a_pid_counts_only_where_it_is_a_process_of_the_unit_here():
    ours = Path("/proc/self/cgroup").read_text().splitlines()[-1].split(":", 2)[2]
    mine = saying(MainPID=str(os.getpid()), ControlGroup=ours)
    assert mine.as_process(here=True).pid == os.getpid()
    assert mine.as_process(here=False).pid == 0
    for group in ("/system.slice/nginx.service", "", f"{ours}x"):
        assert saying(MainPID=str(os.getpid()), ControlGroup=group).as_process(here=True).pid == 0
    assert saying(MainPID=str(2**22 + 1), ControlGroup=ours).as_process(here=True).pid == 0


@pytest.mark.parametrize("pid", ["", "[not set]", "-1"])
def test_a_pid_that_is_none_is_none(pid):
    assert saying(MainPID=pid).main_pid == 0
