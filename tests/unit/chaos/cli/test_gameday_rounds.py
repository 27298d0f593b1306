"""Between the rounds of a day people read what came of the last one."""

import signal
import sys
from types import SimpleNamespace

import pytest

from chaos.cli import gameday, rounds
from chaos.machine.interrupts import Interrupts
from chaos.report.debrief import Debrief
from chaos.verdict.round import RoundScore
from chaos.verdict.verdict import Outcome
from tests.unit.catalogues import verdict


class Keys:
    """Somebody who presses Enter as soon as he is listened to, or never."""

    def __init__(self, does):
        self.asked = []
        self._does = does

    def listen(self, pressed):
        self.asked.append(pressed)
        self._does(pressed)


@pytest.fixture
def terminal(monkeypatch, request):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: request.param))


@pytest.mark.parametrize("terminal", [True], indirect=True)
def test_at_a_terminal_the_next_round_waits_for_enter(terminal, capsys):
    keys = Keys(lambda pressed: pressed(""))
    assert gameday._goes_on(keys, Interrupts())
    assert len(keys.asked) == 1
    assert "when you press Enter" in capsys.readouterr().out


@pytest.mark.parametrize("terminal", [True], indirect=True)
def test_ctrl_c_instead_of_enter_ends_the_day(terminal):
    interrupts = Interrupts()
    assert not gameday._goes_on(Keys(lambda _: interrupts._note(signal.SIGINT, None)), interrupts)


@pytest.mark.parametrize("terminal", [False], indirect=True)
def test_where_nobody_can_press_it_goes_on_by_itself(terminal):
    keys = Keys(lambda _: None)
    assert gameday._goes_on(keys, Interrupts())
    assert keys.asked == []


def told(ended):
    """What the terminal shows of a round that came to nothing."""
    score = RoundScore([], [], {}, 0, None, "", ended, [])
    truth = SimpleNamespace(words="a fault")
    return Debrief(verdict("x", outcome=Outcome.INCONCLUSIVE, reasons=["the rate was too low"]), score, [], None, truth)


def test_a_round_in_which_nothing_came_says_why(capsys, tmp_path):
    rounds.tell(told(""), tmp_path / "one")
    assert "  why: " in capsys.readouterr().out
    rounds.tell(told("mitigated"), tmp_path / "one")
    assert "  why: " not in capsys.readouterr().out
