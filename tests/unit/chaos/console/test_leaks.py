"""Before the reveal no view has a word of what is sealed; afterwards it has."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.console import acts, app, view
from chaos.console.lanes import Told, of
from chaos.console.rates import Rates
from chaos.console.reader import Reader
from chaos.console.users import Users
from chaos.facts import game
from chaos.facts.alerts import AlertHistory
from chaos.facts.files import FACTS_FILE
from chaos.facts.game import GAME_FILE, Revealed, TruthShown
from chaos.facts.run import Injected
from chaos.report import debrief as debrief_words
from tests.fakes import FakeClock
from tests.unit.chaos.console import rounds
from tests.unit.chaos.console.rounds import ALONE, TOKENS, application, client, sealed_round, send
from tests.unit.chaos.console.stack import Stack

PATHS = ("/", "/state", "/static/console.css", "/static/style.css", *(f"/static/{name}.js" for name in app.SCRIPTS),
         "/boards", "/board/overview", "/board/overview?back=60", "/board/overview?back=7", "/board/nothing", "/traces",
         "/debrief/debrief.html", "/debrief/report.html", "/debrief/seal.json",
         "/debrief/..%2fone%2f.sealed%2fseal.json", "/static/..%2fsettings.py", "/nothing")  # fmt: skip
SHOWN = ('"title":"Requests"', '"title":"All of it"', '"state":"pending"', '"asked":"GET /"', '"name":"sql"')
"""Something of each dashboard, lane and trace, so that what is looked into is there."""
SEED = 2**50 + 1


def views(folder, stack, verbs=tuple(acts.BODIES), among=(ALONE, TOKENS)):
    """Everything that a console of this folder can be brought to say, with its headers, but the host's own truth."""
    for tokens in among:
        given = rounds.settings(folder, tokens, target=str(stack.target))
        made = application(given, transport=stack.transport, reads=Rates(1e9, 0), writes=Rates(1e9, 0))
        for role in tokens:
            browser = client(given, role, made)
            browser.get("/state")
            made.state.reader.watch()
            answers = [browser.get(path) for path in PATHS]
            for verb in verbs:
                told = [send(browser, verb, **changes) for changes in ({}, {"who": "", "page": 99})]
                answers += told if (role, verb) != ("host", "truth") else []
            answers += [browser.get("/state", params={"facts": -5, "users": -5}), browser.get("/state?facts=x")]
            yield from (f"{answer.headers} {answer.text}" for answer in answers)


@pytest.fixture
def round_(tmp_path):
    with sealed_round(tmp_path / "one", seed=SEED) as (opened, _):
        yield tmp_path / "one", opened


@pytest.fixture
def stack(tmp_path):
    return Stack(tmp_path, rounds.SECRET_WORD)


def leaked(said, opened):
    secrets = (rounds.SECRET_WORD, opened.salt, str(SEED), "process.kill shop")
    return [(secret, text) for text in said for secret in secrets if secret in text]


def test_no_view_before_the_reveal_has_a_word_of_what_is_sealed(round_, stack):
    folder, opened = round_
    said = list(views(folder, stack))
    assert len(said) > 150
    assert [word for word in SHOWN if not any(word in text for text in said)] == []
    assert leaked(said, opened) == []


def test_no_view_says_it_when_nobody_of_the_stack_answers(round_, stack):
    folder, opened = round_
    stack.away = {"prometheus", "alertmanager", "jaeger"}
    assert leaked(views(folder, stack, verbs=()), opened) == []


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=4), st.floats(0, 100), st.booleans())
def test_what_is_seen_of_a_sealed_round_says_nothing_of_what_the_run_did(word, at, begun):
    """Whatever the recording says: the pure view leaves it out, also where a reader would not."""
    secret = f"zq{word}qz"
    marks = [Injected(at, secret, None)]
    lanes = of([], Told([AlertHistory(at, "Down", {"experiment": secret}, "firing", [at])]), at + 1)
    facts = [game.Ready(1, 0.0)] if begun else []
    seen = view.Seen("one", facts, marks, Users(), at, sealed=True, played=True, lanes=lanes)
    assert msgspec.json.encode(secret)[1:-1] not in msgspec.json.encode(view.of(seen))


def test_a_reveal_that_is_only_said_opens_nothing_while_the_seal_is_there(round_, stack):
    folder, opened = round_
    game.append(folder / GAME_FILE, Revealed(0, 20.0))
    assert leaked(views(folder, stack, among=[ALONE]), opened) == []


def test_after_the_reveal_it_is_told(tmp_path):
    with sealed_round(tmp_path / "one") as (_, private):
        (private / FACTS_FILE).unlink()
    game.append(tmp_path / "one" / GAME_FILE, Revealed(0, 20.0))
    (tmp_path / "one" / "debrief.html").write_text("<h1>The debrief</h1>")
    (tmp_path / "one" / "score.json").write_text(
        '{"parts": [{"name": "detect", "value": 12.0, "par": 8.0}], "claims": [], "brier": {"Ann": 0.01}, "hints": 1,'
        ' "looked": ["Hana"],'
        ' "hurt": null, "panel": "", "ended": "", "gaps": ["no runbook was opened"]}'
    )
    browser = client(rounds.settings(tmp_path / "one"))
    state = browser.get("/state").json()
    assert state["stage"] == "over"
    assert rounds.SECRET_WORD in state["told"]["truth"]
    told = {part["name"]: (part["you"], part["words"]) for part in state["told"]["parts"]}
    assert list(told) == ["detect", "hints", "Brier score of Ann", "looked at the truth", "it ended as"]
    assert told["Brier score of Ann"] == ("0.01", debrief_words.BRIER_MEANS), "in the words of the debrief"
    assert (told["looked at the truth"][0], told["it ended as"][0]) == ("Hana", "nothing was injected")
    assert state["told"]["gaps"] == ["no runbook was opened"]
    debrief = browser.get("/debrief/debrief.html")
    assert "The debrief" in debrief.text
    assert "sandbox" in debrief.headers["content-security-policy"]
    assert "script" not in debrief.headers["content-security-policy"]
    # A browser shows nothing in a sandbox that wants an opener policy; all else holds for a framed page too.
    assert debrief.headers["cross-origin-opener-policy"] == "unsafe-none"
    assert "frame-ancestors 'self'" in debrief.headers["content-security-policy"]
    assert (debrief.headers["x-content-type-options"], debrief.headers["cache-control"]) == ("nosniff", "no-store")
    assert debrief.headers["referrer-policy"] == "no-referrer"
    assert browser.get("/debrief/seal.json").status_code == 404
    assert send(browser, "note").status_code == 409


def test_the_truth_is_the_hosts_who_is_told_alone_and_it_is_noted(tmp_path):
    with sealed_round(tmp_path / "one"):
        given = rounds.settings(tmp_path / "one", TOKENS)
        made = application(given)
        assert rounds.SECRET_WORD in send(client(given, "host", made), "truth", who="Hana").json()["text"]
        player = client(given, "player", made)
        state = player.get("/state").text
        assert rounds.SECRET_WORD not in state
        assert "Hana has looked at the truth" in state
        # Under another name than the one he claims by it would count against nobody.
        answer = send(player, "truth", who="Nobody in particular")
        assert (answer.status_code, answer.content) == (403, b"")
        looked = [fact for fact in game.read(tmp_path / "one" / GAME_FILE) if isinstance(fact, TruthShown)]
        assert [fact.who for fact in looked] == ["Hana"]


def test_a_round_that_nobody_plays_any_more_stays_sealed_and_is_said_to_be_broken_off(tmp_path):
    folder = tmp_path / "one"
    with sealed_round(folder) as (_, private):
        (private / "played").rename(private / "gone")
        (private / "played").touch()
        state = Reader(rounds.settings(folder), FakeClock(110.0)).state()
        assert (state.stage, state.live, state.told) == ("broken off", False, None)
        (private / "gone").unlink()
