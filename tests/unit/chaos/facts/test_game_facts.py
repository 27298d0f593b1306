"""The game's facts: numbered in one file, whoever of several programs adds to it, and whole."""

import fcntl
import multiprocessing
import threading

import pytest

from chaos.facts import game, one_at_a_time
from chaos.facts.game import GAME_FILE, Joined, Noted
from chaos.facts.pages import PageAlert, PageSeen
from chaos.gameday.told import as_told


def add(file, who, times):
    for number in range(times):
        game.append(file, Noted(0, float(number), who, "x" * (number % 50)))


def test_several_programs_add_and_every_fact_has_a_number_of_its_own(tmp_path):
    file = tmp_path / GAME_FILE
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=add, args=(file, who, 30)) for who in ("Ann", "Bob", "Cid")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    facts = game.read(file)
    assert [fact.number for fact in facts] == list(range(1, 91))
    for who in ("Ann", "Bob", "Cid"):
        assert [fact.at for fact in facts if fact.who == who] == [float(number) for number in range(30)]


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_was_cut_off_takes_no_other_along(tmp_path, cut):
    file = tmp_path / GAME_FILE
    game.append(file, Joined(0, 1.0, "Ann", "host"))
    game.append(file, Joined(0, 2.0, "Bob", "player"))
    file.write_bytes(file.read_bytes()[:-cut])
    assert [fact.who for fact in game.read(file)] == ["Ann"]
    assert game.append(file, Joined(0, 3.0, "Cid", "player")).number == 2
    assert [fact.who for fact in game.read(file)] == ["Ann", "Cid"]


def test_what_is_no_fact_is_said_with_its_line(tmp_path):
    file = tmp_path / GAME_FILE
    game.append(file, Joined(0, 1.0, "Ann", "host"))
    file.write_bytes(file.read_bytes() + b"{}\n")
    with pytest.raises(ValueError, match=r"game\.ndjson:2"):
        game.read(file)


def test_where_there_is_no_game_there_are_no_facts(tmp_path):
    assert game.read(tmp_path / GAME_FILE) == []


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The file, kept by another program that opened it only to read, as `flock` or a terminal that was stopped does."""
    monkeypatch.setattr(one_at_a_time, "WITHIN_SECONDS", 0.1)
    file = tmp_path / GAME_FILE
    game.append(file, Joined(0, 1.0, "Ann", "host"))
    with file.open("rb") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield file


def test_who_keeps_the_file_for_ever_keeps_nobody_for_ever(kept):
    with pytest.raises(OSError, match="another program has kept"):
        game.append(kept, Noted(0, 2.0, "Bob", "x"))
    assert len(game.read(kept)) == 1, "it can be read all the same"


def test_it_is_had_once_it_is_given_back(tmp_path):
    file = tmp_path / GAME_FILE
    game.append(file, Joined(0, 1.0, "Ann", "host"))
    with file.open("rb") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        threading.Timer(0.05, lambda: fcntl.flock(opened, fcntl.LOCK_UN)).start()
        assert game.append(file, Noted(0, 2.0, "Bob", "x")).number == 2


def test_nobody_waits_while_the_disk_does(tmp_path, monkeypatch):
    file, free = tmp_path / GAME_FILE, []

    def look(descriptor):
        with file.open("rb") as other:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free.append(descriptor)

    monkeypatch.setattr(game.os, "fsync", look)
    game.append(file, Joined(0, 1.0, "Ann", "host"))
    assert len(free) == 1


def test_a_page_of_an_earlier_release_names_no_dashboard(tmp_path):
    file = tmp_path / GAME_FILE
    file.write_bytes(
        b'{"game":"paged","number":1,"at":2.0,"receiver":"pager","firing":true,"alerts":["Down{}"],'
        b'"summary":"It is down","runbook":"https://books/Down.md","arrived":1.5}\n'
    )
    [page] = game.read(file)
    assert (page.runbook, page.dashboard, page.over) == ("https://books/Down.md", "", [])


def test_a_page_is_told_with_the_addresses_that_its_alert_has():
    annotations = {"summary": "It is down", "runbook_url": "https://books/Down.md", "dashboard_url": "https://g/d/shop"}
    alert = PageAlert("Down", {"instance": "shop-2"}, "firing", 4.0, annotations)
    told = as_told(PageSeen(5.0, "pager", True, "", [alert]), 6.0)
    assert (told.summary, told.runbook, told.dashboard) == ("It is down", "https://books/Down.md", "https://g/d/shop")
