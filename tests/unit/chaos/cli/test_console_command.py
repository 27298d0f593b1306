"""A console from the command line: which one is begun again, for whom it listens, and for how long it stays."""

import contextlib
import os
import signal
import sys
from types import SimpleNamespace

import msgspec
import pytest

from chaos.cli import console, gameday, main
from chaos.cli.arguments import parser
from chaos.console import settings
from chaos.console.process import FOLDER
from chaos.machine import process_identity
from chaos.machine.interrupts import Interrupts
from chaos.machine.process_identity import Child
from tests.unit.chaos.cli.test_gameday_abort import COMMANDS

GONE = Child(1, 1, "another boot")


def given(*words):
    return parser(dict.fromkeys(COMMANDS, None)).parse_args(["console", *words])


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def kept(runs):
    """Has a console's settings kept in this folder of runs, as a game that was killed leaves them."""

    def keep(folder=runs, game=GONE, *words):
        made = console._settings(given(*words), folder, follows=True, past="the latest of then")
        made = msgspec.structs.replace(made, game=game)
        settings.write(runs / FOLDER / "gameday.json", made)
        return made

    return keep


def again(runs, *words):
    return console._again(given(*words), runs, runs / FOLDER / "gameday.json")


def test_that_of_a_game_that_is_played_comes_back_as_it_was(runs, kept, capsys):
    made = kept(runs, process_identity.of_pid(os.getpid()))
    assert again(runs) == made
    assert capsys.readouterr().err == ""


def test_that_of_a_game_that_is_gone_is_said_and_hides_no_run(runs, kept, capsys):
    made = kept()
    assert again(runs) == msgspec.structs.replace(made, past="")
    assert "is gone" in capsys.readouterr().err


def test_that_of_other_runs_is_not_taken_for_that_of_these(tmp_path, runs, kept, capsys):
    (tmp_path / "others").mkdir()
    kept(tmp_path / "others")
    assert again(runs) is None
    assert "other runs" in capsys.readouterr().err


def test_one_that_cannot_be_read_is_said(runs, kept, capsys):
    kept()
    (runs / FOLDER / "gameday.json").write_text("{}")
    assert again(runs) is None
    assert "cannot be begun again" in capsys.readouterr().err
    (runs / FOLDER / "gameday.json").unlink()
    assert again(runs) is None


def test_where_it_is_to_listen_counts_also_for_one_that_is_begun_again(runs, kept):
    made = kept()
    assert (made.address, list(made.tokens)) == ("127.0.0.1", ["host"])
    moved = again(runs, "--listen", "0.0.0.0", "--port", "4321")
    assert (moved.address, moved.port) == ("0.0.0.0", 4321)
    assert moved.tokens["host"] == made.tokens["host"], "who has an address keeps it"
    assert set(moved.tokens) == {"host", "player", "scribe", "watcher"}
    assert len(set(moved.tokens.values())) == 4


def test_on_this_machine_too_nobody_comes_in_without_a_token(runs):
    made = console._settings(given(), runs)
    [(role, url)] = made.urls("machine")
    assert (role, made.alone) == ("host", True)
    assert url == f"http://127.0.0.1:{made.port}/enter/{made.tokens['host']}"
    assert [made.role_of(token) for token in ("", "x", made.tokens["host"])] == [None, None, "host"]


def test_another_stack_is_not_shown_our_dashboards(runs, tmp_path):
    assert console._settings(given(), runs).dashboards
    assert console._settings(given("--target", str(tmp_path / "theirs.yaml")), runs).dashboards == ""


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))


def stays(*arrived):
    """What asked for Enter, after these signals; each time somebody presses it."""
    interrupts, asked = Interrupts(), []
    for number in arrived:
        interrupts._note(number, None)

    def listen(pressed):
        asked.append(pressed)
        pressed("")

    console.stays(listen, interrupts)
    return asked


@pytest.mark.parametrize("arrived", [(), (signal.SIGINT,), (signal.SIGINT, signal.SIGINT)], ids=str)
def test_it_stays_until_enter_also_after_a_round_that_ctrl_c_ended(terminal, arrived):
    assert len(stays(*arrived)) == 1


@pytest.mark.parametrize("arrived", [(signal.SIGTERM,), (signal.SIGHUP,), (signal.SIGINT, signal.SIGTERM)], ids=str)
def test_it_does_not_stay_for_who_is_gone_or_wants_it_gone(terminal, arrived):
    assert stays(*arrived) == []


def test_a_further_ctrl_c_ends_it(terminal):
    interrupts = Interrupts()
    interrupts._note(signal.SIGINT, None)
    console.stays(lambda _: interrupts._note(signal.SIGINT, None), interrupts)


def test_without_a_terminal_it_does_not_stay(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    assert stays() == []


def test_a_replay_can_be_asked_for_in_both_ways(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(console, "replay", lambda _, folder: asked.append(folder) or 0)
    (tmp_path / "game.ndjson").write_text("")
    known = dict.fromkeys(COMMANDS, gameday.gameday)
    for words in (["replay", str(tmp_path)], ["--replay", str(tmp_path)]):
        told = parser(known).parse_args(["gameday", *words])
        assert told.command(told) == 0
    assert asked == [tmp_path.resolve()] * 2


@pytest.mark.parametrize(("code", "times"), [(0, 1), (1, 1), (130, 1), (143, 0)])
def test_a_single_run_keeps_its_console_for_who_is_still_there(runs, monkeypatch, code, times):
    asked = []
    monkeypatch.setattr(console, "beside", lambda *_: contextlib.nullcontext(True))
    monkeypatch.setattr(console, "stays", lambda *_: asked.append(True))
    monkeypatch.setattr(Interrupts, "listen", lambda *_: None)
    assert main._live(SimpleNamespace(target=None), lambda: code) == code
    assert len(asked) == times
