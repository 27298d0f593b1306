"""The way in, and how much at once: nobody who is refused takes anything from who is let in, and no abort waits."""

import pytest

from chaos.console import acts, app
from chaos.console.gate import PROOF_HEADER
from chaos.console.rates import Rates
from chaos.facts import game
from chaos.facts.files import EXPERIMENT_FILE
from chaos.facts.game import GAME_FILE, Joined, Noted, Steered
from tests.unit.chaos.console.rounds import TOKENS, Browser, application, client, sealed_round, send, settings


@pytest.fixture
def folder(tmp_path):
    with sealed_round(tmp_path / "one"):
        yield tmp_path / "one"


def facts(folder, kind):
    return [fact for fact in game.read(folder / GAME_FILE) if isinstance(fact, kind)]


def few(at_once=2):
    """So many at once, and never more."""
    return Rates(at_once, 0, lambda: 0.0)


def test_who_asks_too_often_has_to_wait(folder):
    time = [0.0]
    browser = client(settings(folder), writes=Rates(2, 1, lambda: time[0]))
    assert [send(browser, "note").status_code for _ in range(4)] == [200, 200, 429, 429]
    time[0] = 1.5
    assert [send(browser, "note").status_code for _ in range(2)] == [200, 429]
    reads = client(settings(folder), reads=few(1))
    assert [reads.get("/").status_code for _ in range(2)] == [200, 429]
    assert reads.get("/").content == b""


def test_many_clients_do_not_fill_the_memory_and_each_has_its_own_share():
    rates = few(1)
    assert all(rates.allows(str(number)) for number in range(5000))
    assert len(rates._left) == 1000
    assert not rates.allows("4999")


def test_strangers_at_the_same_address_take_nothing_from_the_host(folder):
    given = settings(folder, TOKENS)
    made = application(given, reads=few(), writes=few())
    stranger = Browser(made)
    assert [stranger.get("/").status_code for _ in range(3)] == [404, 404, 429]
    assert [stranger.post("/do/note", content=b"{}").status_code for _ in range(3)] == [404, 404, 429]
    host = client(given, "host", made)
    assert host.get("/").status_code == 200
    assert send(host, "note").status_code == 200


@pytest.mark.parametrize("spoilt", [{PROOF_HEADER: "no proof"}, {"Origin": "http://evil.example"}], ids=str)
def test_a_page_of_somebody_else_takes_nothing_from_who_it_is_sent_by(folder, spoilt):
    given = settings(folder, TOKENS)
    made = application(given, writes=few())
    forged, player = client(given, "player", made), client(given, "player", made)
    forged.headers.update(spoilt)
    assert [send(forged, "note").status_code for _ in range(3)] == [403, 403, 429]
    assert send(player, "note").status_code == 200


def test_players_behind_one_address_take_nothing_from_the_host(folder):
    given = settings(folder, TOKENS)
    made = application(given, reads=few(), writes=few())
    player, host = client(given, "player", made), client(given, "host", made)
    assert [send(player, "note").status_code for _ in range(3)] == [200, 200, 429]
    assert [player.get("/").status_code for _ in range(3)] == [200, 200, 429]
    assert send(host, "note").status_code == 200
    assert host.get("/").status_code == 200


def test_an_abort_never_waits_however_much_the_host_has_asked_for(folder):
    given = settings(folder, TOKENS)
    host = client(given, "host", writes=few())
    assert [send(host, "note").status_code for _ in range(3)] == [200, 200, 429]
    assert send(host, "steer", how="abort", seconds=0).status_code == 200
    assert [fact.how for fact in facts(folder, Steered)] == ["abort"]


def test_a_round_in_which_too_much_was_said_can_still_be_ended(folder):
    line = (folder / GAME_FILE).read_bytes().splitlines(keepends=True)[-1]
    with (folder / GAME_FILE).open("ab") as file:
        file.write(line * acts.MOST_FACTS)
    host = client(settings(folder, TOKENS), "host")
    assert [send(host, verb).status_code for verb in acts.BODIES if verb != "steer"] == [409] * (len(acts.BODIES) - 1)
    assert send(host, "steer", how="abort", seconds=0).status_code == 200
    assert facts(folder, Noted) == []


def test_who_has_the_hosts_token_is_a_host_by_whatever_name(folder):
    game.append(folder / GAME_FILE, Joined(0, 1.0, "Hana", "host"))
    host = client(settings(folder, TOKENS), "host")
    assert send(host, "steer", who="Somebody else", how="win").status_code == 409
    assert len(facts(folder, Joined)) == 1, "what is refused leaves nothing behind"
    answer = send(host, "steer", who="Somebody else", how="abort", seconds=0)
    assert answer.status_code == 200, answer.text
    assert [(fact.who, fact.role) for fact in facts(folder, Joined)] == [("Hana", "host"), ("Somebody else", "host")]
    assert [(fact.who, fact.how) for fact in facts(folder, Steered)] == [("Somebody else", "abort")]


def test_where_nobody_leads_who_steers_stays_what_he_is(folder):
    assert send(client(settings(folder)), "steer", who="Ann").status_code == 200
    assert facts(folder, Joined) == []


@pytest.mark.parametrize("odd", ["a b=c", '{"x": 1}', "=", "x[]=\x07", 'q="unclosed', "caf\xe9=1"])
def test_a_cookie_of_somebody_elses_that_is_odd_shuts_nobody_out(folder, odd):
    given = settings(folder, TOKENS)
    made = Browser(application(given))
    sent = f"{odd}; {given.cookie}={TOKENS['host']}; {odd}".encode("latin-1")
    assert made.get("/", headers={"Cookie": sent}).status_code == 200


def test_a_browser_that_is_somebody_here_does_not_become_somebody_else(folder):
    given = settings(folder, TOKENS)
    made = application(given)
    browser = Browser(made)
    assert browser.get(f"/enter/{TOKENS['host']}").status_code == 200
    second = browser.get(f"/enter/{TOKENS['player']}")
    assert second.status_code == 409
    assert "You are host here" in second.text
    assert "private window" in second.text
    assert "set-cookie" not in second.headers
    assert 'data-role="host"' in browser.get("/").text
    assert browser.get(f"/enter/{TOKENS['host']}").status_code == 200, (
        "by his own address he comes as often as he likes"
    )


def test_who_was_somebody_at_a_console_of_before_is_let_in(folder):
    given = settings(folder, TOKENS)
    browser = Browser(application(given))
    browser.cookies.set(given.cookie, "a token of yesterday's")
    assert browser.get(f"/enter/{TOKENS['player']}").status_code == 200
    assert 'data-role="player"' in browser.get("/").text


def no_game(folder):
    (folder / GAME_FILE).unlink()
    (folder / GAME_FILE).mkdir()
    return "note"


def no_experiment(folder):
    (folder / ".sealed" / EXPERIMENT_FILE).write_text("nonsense")
    return "truth"


def no_seal(folder):
    (folder / ".sealed" / "seal.json").write_text("nonsense")
    return "truth"


@pytest.mark.parametrize("spoil", [no_game, no_experiment, no_seal])
def test_a_refusal_does_not_tell_where_files_are(tmp_path, folder, spoil):
    verb = spoil(folder)
    answer = send(client(settings(folder, TOKENS), "host"), verb)
    assert answer.status_code == 409
    assert answer.json()["refused"]
    assert str(tmp_path) not in answer.text


def test_what_is_no_refusal_of_the_table_is_told_in_no_words_of_the_machine(folder):
    said = app._in_words(OSError(2, "No such file or directory", "/elsewhere/Down.md"), folder)
    assert "elsewhere" not in said
    assert "the console's log says why" in said
