"""What a page is told: facts once and in order, users' seconds anew when they change, also after a restart."""

import contextlib

import msgspec
import pytest

from chaos.console.process import Console
from chaos.console.reader import Reader
from chaos.console.settings import read, write
from chaos.console.users import Users
from chaos.errors import GameRefused
from chaos.facts import game
from chaos.facts.files import LOAD_FILE
from chaos.facts.game import GAME_FILE
from chaos.facts.samples import Request
from chaos.gameday import names, sealing
from chaos.gameday.table import Table
from tests.fakes import FakeClock
from tests.unit.chaos.console import rounds
from tests.unit.chaos.console.rounds import client, line, sealed_round, send
from tests.unit.chaos.drill.world import World
from tests.unit.chaos.gameday.test_round import USUAL, Play

FIRST = {"run": "", "facts": 0, "users": 0, "stage": "", "alerts": 0}


@pytest.fixture
def played(tmp_path):
    folder = tmp_path / "one"
    with sealed_round(folder) as (_, private):
        yield folder, private


def asked(browser, state=None):
    given = FIRST if state is None else {name: state[name] for name in FIRST}
    return browser.get("/state", params=given).json()


def test_a_page_is_told_everything_once_and_then_what_is_new(played):
    folder, private = played
    browser = client(rounds.settings(folder))
    first = asked(browser)
    assert [event["number"] for event in first["events"]] == [1, 2, 3, 4]
    assert [(row["second"], row["sent"], row["failed"]) for row in first["rows"]] == [(1, 2, 1), (2, 1, 0)]
    assert first["stage"] == "on"
    [lane] = first["lanes"]
    assert (lane["name"], lane["stretches"], lane["states"]) == ("Down{instance=shop-2}", [[8.0, None]], [])
    assert (first["now"], first["live"], first["told"]) == (10.0, True, None)
    send(browser, "note")
    with (private / LOAD_FILE).open("a") as file:
        file.write(line(2.9) + line(1.9, took=2.0) + line(3.5)[:-5])
    new = asked(browser, first)
    assert [(event["number"], event["words"]) for event in new["events"]] == [(5, "Ann notes: it is <b>slow</b>")]
    rows = [(row["second"], row["sent"]) for row in new["rows"]]
    assert rows == [(1, 3), (2, 2)], "a second is told anew when a late answer of it comes, a torn line not at all"


def test_a_console_that_is_ended_and_begun_again_goes_on_where_it_was(played):
    folder, private = played
    state = asked(client(rounds.settings(folder)))
    Table(folder, FakeClock(111.0)).note("Bob", "while it was away")
    with (private / LOAD_FILE).open("a") as file:
        file.write(line(3.0))
    again = client(rounds.settings(folder))
    new = asked(again, state)
    assert [event["words"] for event in new["events"]] == ["Bob notes: while it was away"]
    assert [row["second"] for row in new["rows"]] == [3]
    assert send(again, "claim").status_code == 200, "and a page of before still proves that it is ours"


def test_a_page_that_shows_another_run_is_told_everything(played):
    folder, _ = played
    browser = client(rounds.settings(folder))
    state = asked(browser) | {"run": "another", "facts": 99, "users": 99}
    assert len(asked(browser, state)["events"]) == 4


def test_names_that_are_left_out_afterwards_lose_no_fact(played):
    folder, _ = played
    reader = Reader(rounds.settings(folder), FakeClock(110.0))
    Table(folder, FakeClock(110.0)).note("Ann", "x")
    before = reader.state()
    names.leave_out(folder / GAME_FILE)
    after = reader.state("one", before.facts, before.users)
    assert (after.events, after.facts) == ([], before.facts)
    assert reader.state().events[4].words == "player 1 notes: x"


def test_a_game_that_cannot_be_read_is_said_and_comes_back(played):
    folder, _ = played
    browser = client(rounds.settings(folder))
    whole = (folder / GAME_FILE).read_bytes()
    (folder / GAME_FILE).write_bytes(b"nonsense\n")
    assert browser.get("/state").status_code == 503
    (folder / GAME_FILE).write_bytes(whole)
    assert browser.get("/state").status_code == 200


def test_what_people_write_is_data_and_never_markup(played):
    folder, _ = played
    nasty = "</script><img src=x onerror=alert(1)>"
    browser = client(rounds.settings(folder))
    assert send(browser, "note", who=nasty[:40], text=nasty).status_code == 200
    assert nasty not in browser.get("/").text
    state = browser.get("/state")
    assert state.headers["content-type"] == "application/json"
    assert state.json()["events"][-1]["fact"]["text"] == nasty


def test_a_console_of_the_day_waits_for_the_next_round(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "latest").symlink_to("old")
    given = msgspec.structs.replace(rounds.settings(tmp_path), follows=True, past="old")
    reader = Reader(given, FakeClock(110.0))
    assert reader.state().stage == "waiting"
    assert send(client(given), "note").status_code == 409
    with sealed_round(tmp_path / "new"):
        (tmp_path / "latest").unlink()
        (tmp_path / "latest").symlink_to("new")
        assert (reader.state().run, len(reader.state().events)) == ("new", 4)


def test_a_row_is_numbered_by_the_file_alone():
    requests = [Request(at, took, "GET /", 200, True, None, None) for at, took in ((0.1, 0.1), (1.1, 0.1), (0.5, 3.0))]
    by_one, at_once = Users(), Users()
    for number in range(1, 4):
        by_one.take(requests[:number])
    at_once.take(requests)
    assert by_one.since(0) == at_once.since(0)
    assert [(row.number, row.second) for row in at_once.since(2)] == [(3, 0)]
    until = Users()
    until.take(requests, 2.0)
    assert until.number == 2


def test_settings_are_for_nobody_else_and_come_back_as_they_were(tmp_path):
    file, given = tmp_path / ".console" / "one.json", rounds.settings(tmp_path, rounds.TOKENS)
    write(file, given)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert read(file) == given
    file.write_text("{}")
    with pytest.raises(GameRefused):
        read(file)


def test_addresses_have_the_tokens_of_their_roles(tmp_path):
    child = None
    [alone] = Console(rounds.settings(tmp_path), tmp_path, child).lines
    assert alone == "console: http://127.0.0.1:80/enter/host-token"
    open_to_all = msgspec.structs.replace(rounds.settings(tmp_path, rounds.TOKENS), address="0.0.0.0")
    urls = dict(open_to_all.urls("machine"))
    assert urls["scribe"] == "http://machine:80/enter/scribe-token"
    assert len(urls) == 4
    named = msgspec.structs.replace(open_to_all, address="\x1b[2Jlaptop")
    assert "\x1b" not in "".join(Console(named, tmp_path, child).lines)


@pytest.fixture(scope="module")
def over(tmp_path_factory):
    play = Play(tmp_path_factory.mktemp("over"), World(), list(USUAL))
    return play, play.run()


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_a_replay_shows_what_was_seen_then_and_comes_to_the_same_score(over, speed):
    play, told = over
    clock = FakeClock(1000.0)
    reader = Reader(rounds.settings(play.folder, speed=speed, began=1000.0), clock)
    events, rows, state, steps = [], {}, reader.state(), 0
    while True:
        events += state.events
        rows |= {row.second: row for row in state.rows}
        if state.told is not None:
            break
        said = msgspec.json.encode(state).decode()
        assert "A kill" not in said
        assert play.seal.salt not in said
        assert all(event.at <= state.now + 0.01 for event in state.events)  # which is rounded
        clock.now += 5.0 / speed
        steps += 1
        assert steps < 1000
        state = reader.state(state.run, state.facts, state.users)
    assert [event.fact for event in events] == game.read(play.folder / GAME_FILE)
    live = Reader(rounds.settings(play.folder), clock).state()
    assert state.told == live.told
    assert reader._run._opened.score == told.score
    assert list(rows.values()) == live.rows
    assert steps > 2


def test_nobody_plays_in_a_replay(over):
    play, _ = over
    before = (play.folder / GAME_FILE).read_bytes()
    browser = client(rounds.settings(play.folder, speed=1.0))
    answer = send(browser, "note")
    assert (answer.status_code, answer.json()) == (409, {"refused": "a recording is looked at, and not played in"})
    assert (play.folder / GAME_FILE).read_bytes() == before
    assert "looked at, and not played in" in browser.get("/").text


def test_a_run_that_is_no_round_is_shown_from_its_recording(over, tmp_path):
    play, told = over
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("recording.ndjson", "load.ndjson", "experiment.yaml", "report.html", "verdict.json"):
        (folder / name).write_bytes((play.folder / name).read_bytes())
    state = Reader(rounds.settings(folder), FakeClock(1e6)).state()
    said = [event.words for event in state.events]
    assert state.stage == "the run is over"
    assert any(words.startswith("PAGE") for words in said)
    assert any(words.startswith("in place") for words in said)
    assert [lane.name for lane in state.lanes] == ["Down{instance=shop-2, severity=warning}"]
    assert state.told.fault[0] == pytest.approx(told.verdict.injected)
    assert (state.told.title, state.told.page) == (told.verdict.title, "report.html")
    assert client(rounds.settings(folder)).get("/debrief/report.html").status_code == 200


def test_a_round_that_is_just_revealed_is_not_said_to_be_broken_off(tmp_path, monkeypatch):
    folder, left = tmp_path / "one", contextlib.ExitStack()
    left.enter_context(sealed_round(folder))
    reader = Reader(rounds.settings(folder), FakeClock(110.0))
    assert reader.state().stage == "on"

    def is_played(_):
        left.close()  # between a look at the seal and one at who plays
        return False

    monkeypatch.setattr(sealing, "is_played", is_played)
    assert reader.state().stage == "over"
