"""The game's facts: numbered in one file, whoever of several programs adds to it, and whole."""

import multiprocessing

import pytest

from chaos.facts import game
from chaos.facts.game import GAME_FILE, Joined, Noted


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
