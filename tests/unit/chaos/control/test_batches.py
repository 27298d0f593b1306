"""Dozens of instances, asked a few at a time: who does not answer says nothing of the others."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.control.batches import ask_all
from chaos.control.port import ProcessState, state_of, states_of
from chaos.errors import FaultFailed, SignalUnavailable
from tests.fakes import FakeControl

RUNS = ProcessState("RUNNING", 7)


@given(silent=st.sets(st.integers(0, 59)), at_once=st.integers(1, 64))
def test_each_that_answers_is_known_whoever_does_not(silent, at_once):
    def ask(number):
        if number in silent:
            raise SignalUnavailable(f"{number} says nothing")
        return {f"app-{number}": RUNS}

    told = ask_all({number: (f"app-{number}",) for number in range(60)}, ask, at_once)
    assert list(told) == [f"app-{number}" for number in range(60)]
    assert {name for name, state in told.items() if state.running} == {f"app-{n}" for n in set(range(60)) - silent}
    for number in silent:
        assert str(told[f"app-{number}"]) == f"UNKNOWN ({number} says nothing)"
        assert not told[f"app-{number}"].kept_down


@given(at_once=st.integers(1, 5))
def test_no_more_are_asked_at_a_time_than_was_said(at_once):
    now, most, lock = 0, 0, threading.Lock()
    full = threading.Barrier(at_once)

    def ask(number):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        full.wait(30)  # all that are asked at a time are asked by now
        with lock:
            now -= 1
        return {str(number): RUNS}

    ask_all({number: (str(number),) for number in range(at_once * 4)}, ask, at_once)
    assert most == at_once


def test_a_defect_is_no_silence():
    def ask(_):
        raise KeyError("a defect")

    with pytest.raises(KeyError):
        ask_all({1: ("a",)}, ask, 2)


def test_nobody_is_asked_where_there_is_nobody():
    assert ask_all({}, lambda _: {}, 4) == {}


class Alone(FakeControl):
    """Answers for each instance by itself; to ask it for all is a mistake."""

    def states(self):
        raise AssertionError("all were asked")

    def state(self, instance):
        return ProcessState("UNKNOWN", 0, "no route") if instance == "gone" else RUNS


def test_who_is_asked_for_alone_does_not_wait_for_others():
    assert states_of(Alone(), ["a", "b"]) == {"a": RUNS, "b": RUNS}
    with pytest.raises(SignalUnavailable, match=r"gone: UNKNOWN \(no route\)"):
        states_of(Alone(), ["a", "gone"])


def test_who_answers_for_all_is_asked_once_and_what_it_has_not_is_refused():
    assert state_of(FakeControl(), "shop-1").running
    with pytest.raises(FaultFailed, match="has no shop-9"):
        state_of(FakeControl(), "shop-9")
