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
from chaos.facts.game import GAME_FILE, ROLES, Revealed
from chaos.facts.run import Injected
from tests.fakes import FakeClock
from tests.unit.chaos.console import rounds
from tests.unit.chaos.console.rounds import TOKENS, application, client, sealed_round, send
from tests.unit.chaos.console.stack import Stack

PATHS = ("/", "/state", "/static/console.css", "/static/style.css", *(f"/static/{name}.js" for name in app.SCRIPTS),
         "/boards", "/board/overview", "/board/overview?back=60", "/board/overview?back=7", "/board/nothing", "/traces",
         "/debrief/debrief.html", "/debrief/report.html", "/debrief/seal.json",
         "/debrief/..%2fone%2f.sealed%2fseal.json", "/static/..%2fsettings.py", "/nothing")  # fmt: skip
SHOWN = ('"title":"Requests"', '"title":"All of it"', '"state":"pending"', '"asked":"GET /"', '"name":"sql"')
"""Something of each dashboard, lane and trace, so that what is looked into is there."""
KEPT = [verb for verb in acts.BODIES if verb != "truth"]
SEED = 2**50 + 1


def views(folder, stack, verbs=KEPT, among=({}, TOKENS)):
    """Everything that a console of this folder can be brought to say, with its headers."""
    for tokens in among:
        given = rounds.settings(folder, tokens, target=str(stack.target))
        made = application(given, transport=stack.transport, reads=Rates(1e9, 0), writes=Rates(1e9, 0))
        for role in ROLES if tokens else ("host",):
            browser = client(given, role, made)
            browser.get("/state")
            made.state.reader.watch()
            answers = [browser.get(path) for path in PATHS]
            answers += [send(browser, verb, **changes) for verb in verbs for changes in ({}, {"who": "", "page": 99})]
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
    assert leaked(views(folder, stack, among=[{}]), opened) == []


def test_after_the_reveal_it_is_told(tmp_path):
    with sealed_round(tmp_path / "one") as (_, private):
        (private / FACTS_FILE).unlink()
    game.append(tmp_path / "one" / GAME_FILE, Revealed(0, 20.0))
    (tmp_path / "one" / "debrief.html").write_text("<h1>The debrief</h1>")
    (tmp_path / "one" / "score.json").write_text(
        '{"parts": [{"name": "detect", "value": 12.0, "par": 8.0}], "claims": [], "brier": {"Ann": 0.01}, "hints": 1,'
        ' "hurt": null, "panel": "", "ended": "limit", "gaps": ["no runbook was opened"]}'
    )
    browser = client(rounds.settings(tmp_path / "one"))
    state = browser.get("/state").json()
    assert state["stage"] == "over"
    assert rounds.SECRET_WORD in state["told"]["truth"]
    assert [part["name"] for part in state["told"]["parts"]] == ["detect", "hints", "Brier score of Ann"]
    assert state["told"]["gaps"] == ["no runbook was opened"]
    debrief = browser.get("/debrief/debrief.html")
    assert "The debrief" in debrief.text
    assert "sandbox" in debrief.headers["content-security-policy"]
    assert "script" not in debrief.headers["content-security-policy"]
    assert browser.get("/debrief/seal.json").status_code == 404
    assert send(browser, "note").status_code == 409


@pytest.mark.parametrize("verb", ["truth"])
def test_who_looks_at_the_truth_is_told_alone_and_it_is_noted(tmp_path, verb):
    with sealed_round(tmp_path / "one"):
        browser = client(rounds.settings(tmp_path / "one", TOKENS), "player")
        assert rounds.SECRET_WORD in send(browser, verb).json()["text"]
        state = browser.get("/state").text
        assert rounds.SECRET_WORD not in state
        assert "Ann has looked at the truth" in state


def test_a_round_that_nobody_plays_any_more_stays_sealed_and_is_said_to_be_broken_off(tmp_path):
    folder = tmp_path / "one"
    with sealed_round(folder) as (_, private):
        (private / "played").rename(private / "gone")
        (private / "played").touch()
        state = Reader(rounds.settings(folder), FakeClock(110.0)).state()
        assert (state.stage, state.live, state.told) == ("broken off", False, None)
        (private / "gone").unlink()
