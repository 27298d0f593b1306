"""What is kept of a round: without names if so wanted, items for the next day, the rounds of a day side by side."""

import msgspec

from chaos.facts import game
from chaos.facts.game import GAME_FILE, Acknowledged, Claimed, Joined, Noted, Paged, Ready, Revealed
from chaos.gameday import decks, names
from chaos.gameday.coach import Coach
from chaos.report import debrief
from chaos.verdict.round import Part, RoundScore
from tests.unit.catalogues import verdict

PARTS = [Part("detect", 12.0, 8.0), Part("harm", 3.0, 0.0, "requests"), Part("mitigate", None, 5.0)]
SCORE = RoundScore(PARTS, [], {}, 1, 5.0, "", "limit", [])


def test_names_become_roles_and_numbers_everywhere(tmp_path):
    file = tmp_path / GAME_FILE
    for fact in (
        Joined(0, 1.0, "Ann", "host"),
        Joined(0, 1.0, "Bob", "player"),
        Paged(0, 2.0, "pager", True, ["Down"], "", "", 2.0),
        Acknowledged(0, 3.0, "Bob", 3),
        Claimed(0, 4.0, "Cid", "shop-2", "process", 0.5),
        Noted(0, 5.0, "Ann", "as Bob says"),
    ):
        game.append(file, fact)
    names.leave_out(file)
    kept = game.read(file)
    called = [fact.who for fact in kept if hasattr(fact, "who")]
    assert called == ["host 1", "player 2", "player 2", "player 3", "host 1"]
    assert [fact.number for fact in kept] == [1, 2, 3, 4, 5, 6]
    assert "Ann" not in file.read_text()


def test_open_items_are_those_that_nobody_ticked_and_that_say_something():
    written = "# x\n- [ ] page sooner (owner: Ann, until: Friday)\n- [x] done\n- [ ] (owner: , until: )\n- [ ] \n"
    assert debrief.open_items(written) == ["page sooner (owner: Ann, until: Friday)"]


def played(runs, run_id, score=SCORE):
    folder = runs / run_id
    folder.mkdir(parents=True)
    (folder / GAME_FILE).write_text("")
    if score is not None:
        (folder / "score.json").write_bytes(msgspec.json.encode(score))
        (folder / "verdict.json").write_bytes(msgspec.json.encode(verdict("kill")))
    return folder


def test_the_rounds_of_the_newest_day_are_on_one_page(tmp_path):
    played(tmp_path, "20261129-090000-gameday")
    played(tmp_path, "20261130-090000-gameday")
    played(tmp_path, "20261130-100000-gameday")
    played(tmp_path, "20261130-110000-gameday", None)  # still sealed, or broken off
    file = decks.write_day(tmp_path)
    assert file.name == "gameday-20261130.html"
    page = file.read_text()
    assert page.count("debrief.html") == 2
    assert "20261129" not in page
    assert "12 s" in page
    assert "3 requests" in page


def test_the_newest_debrief_says_what_is_open(tmp_path):
    assert decks.open_items(tmp_path) == []
    (played(tmp_path, "20261129-090000-gameday") / "debrief.md").write_text("- [ ] old\n")
    played(tmp_path, "20261130-090000-gameday")
    assert decks.open_items(tmp_path) == ["old"]
    (tmp_path / "20261130-090000-gameday" / "debrief.md").write_text("- [ ] new\n")
    assert decks.open_items(tmp_path) == ["new"]


def test_a_coach_explains_each_kind_of_thing_once():
    coach = Coach()
    assert coach.explains(Ready(1, 0.0))
    assert not coach.explains(Ready(2, 0.0))
    assert not coach.explains(Noted(3, 0.0, "Ann", "x"))
    assert coach.explains(Revealed(4, 0.0))
