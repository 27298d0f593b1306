"""A round is aborted from any terminal, by whoever has the account that plays it."""

import threading

import pytest

from chaos.cli import gameday, main
from chaos.cli.arguments import parser
from chaos.errors import GameRefused
from chaos.facts import game
from chaos.facts.game import HoldEnded, Joined, Ready, Revealed, RoundBegan, Steered
from chaos.gameday import sealing
from chaos.gameday.table import Table
from chaos.spec.gameday import seal
from chaos.spec.gameday.seal import Sealed
from tests.waiting import until

COMMANDS = tuple(main._COMMANDS)


def abort(folder, *more):
    known = dict.fromkeys(COMMANDS, gameday.gameday)
    given = parser(known).parse_args(["gameday", "abort", str(folder), "--name", "Ann", *more])
    return given.command(given)


@pytest.fixture
def table(tmp_path):
    """That of a round that is played just now."""
    with sealing.sealed(tmp_path / "one", seal.seal(Sealed("kill", "title: t\n", 5.0, [], "", False, 7, 0))):
        made = Table(tmp_path / "one")
        game.append(made.file, RoundBegan(0, 0.0, 0.0, 0.0, "", 9.0, 9.0, "B", [], [], [], {}, [], 1.0))
        yield made


@pytest.mark.parametrize(("host", "by"), [("Hal", "Hal"), (None, "Ann")])
def test_who_never_came_to_the_table_ends_it_as_the_host_would(table, capsys, host, by):
    game.append(table.file, Joined(0, 0.0, host or "Bob", "host" if host else "player"))
    game.append(table.file, Ready(0, 1.0))

    def hear():
        until(lambda: table.all(Steered), 20)
        game.append(table.file, HoldEnded(0, 2.0, "aborted", None))

    playing = threading.Thread(target=hear)
    playing.start()
    assert abort(table.folder) == 0
    playing.join()
    assert [(fact.who, fact.how) for fact in table.all(Steered)] == [(by, "abort")]
    assert "is aborted" in capsys.readouterr().out


def test_before_anything_is_broken_it_need_not_wait(table, capsys):
    assert abort(table.folder) == 0
    assert table.all(Steered)
    assert "before anything is broken" in capsys.readouterr().out


def test_that_nobody_hears_it_is_said(table, capsys, monkeypatch):
    monkeypatch.setattr(gameday, "_ABORTED_WITHIN_SECONDS", 0.05)
    game.append(table.file, Ready(0, 1.0))
    assert abort(table.folder) == 1
    assert "nobody heard it" in capsys.readouterr().out


def test_what_is_not_played_cannot_be_aborted(table, tmp_path):
    game.append(table.file, Revealed(0, 1.0))
    with pytest.raises(GameRefused, match="not played just now"):
        abort(table.folder)
    with pytest.raises(GameRefused, match="no round of a game day"):
        abort(tmp_path)


@pytest.mark.parametrize("shown", ["", "abc", "g" * 64])
def test_what_no_terminal_showed_is_no_sum_to_verify(tmp_path, shown):
    with pytest.raises(SystemExit):
        abort(tmp_path, "--shown", shown)
