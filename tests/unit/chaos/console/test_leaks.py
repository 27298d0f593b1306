"""Before the reveal no view has a word of what is sealed; afterwards it has."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.console import acts
from chaos.console.reader import Reader
from chaos.facts import game
from chaos.facts.game import GAME_FILE, ROLES, Revealed
from tests.fakes import FakeClock
from tests.unit.chaos.console import rounds
from tests.unit.chaos.console.rounds import TOKENS, client, sealed_round, send

words = st.text("bcdfghjklmnpqrstvwxz", min_size=10, max_size=14)
PATHS = ("/", "/state", "/static/console.js", "/static/chart.js", "/static/console.css", "/static/style.css",
         "/debrief/debrief.html", "/debrief/report.html", "/debrief/seal.json",
         "/debrief/..%2fone%2f.sealed%2fseal.json", "/static/..%2fsettings.py", "/nothing")  # fmt: skip
KEPT = [verb for verb in acts.BODIES if verb != "truth"]


def views(folder):
    """Everything that a console of this folder can be brought to say, with its headers."""
    for tokens in ({}, TOKENS):
        for role in ROLES if tokens else ("host",):
            browser = client(rounds.settings(folder, tokens), role)
            answers = [browser.get(path) for path in PATHS]
            answers += [send(browser, verb, **changes) for verb in KEPT for changes in ({}, {"who": "", "page": 99})]
            answers += [browser.get("/state", params={"facts": -5, "users": -5}), browser.get("/state?facts=x")]
            yield from (f"{answer.headers} {answer.text}" for answer in answers)


@settings(max_examples=4, deadline=None)  # a hundred and more requests each
@given(words, st.integers(2**40, 2**63))
def test_no_view_before_the_reveal_has_a_word_of_what_is_sealed(word, seed):
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "one"
        with sealed_round(folder, word, seed) as (opened, _):
            secrets = (word, opened.salt, str(seed))
            said = list(views(folder))
            assert len(said) > 100
            assert [(secret, text) for text in said for secret in secrets if secret in text] == []


def test_a_reveal_that_is_only_said_opens_nothing_while_the_seal_is_there(tmp_path):
    with sealed_round(tmp_path / "one") as (opened, _):
        game.append(tmp_path / "one" / GAME_FILE, Revealed(0, 20.0))
        said = "".join(views(tmp_path / "one"))
        assert rounds.SECRET_WORD not in said
        assert opened.salt not in said


def test_after_the_reveal_it_is_told(tmp_path):
    with sealed_round(tmp_path / "one") as (_, private):
        (private / "recording.ndjson").unlink()
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
