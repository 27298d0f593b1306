"""Who may do what: every route for each role, and for whoever has no business there."""

import re
from functools import partial

import pytest

from chaos.console import rights
from chaos.console.gate import MOST_BYTES, PROOF_HEADER
from chaos.errors import GameRefused
from chaos.facts import game
from chaos.facts.game import (
    GAME_FILE,
    ROLES,
    Acknowledged,
    Answered,
    Asked,
    Claimed,
    Declared,
    HintAsked,
    Joined,
    Noted,
    RunbookOpened,
    Steered,
    TruthShown,
)
from chaos.gameday.table import Table
from tests.fakes import FakeClock
from tests.unit.chaos.console.rounds import (
    ALONE,
    BODIES,
    ORIGIN,
    PAGE,
    QUESTION,
    TOKENS,
    client,
    sealed_round,
    send,
    settings,
    shared,
)

GETS = ("/", "/state", "/static/console.js", "/static/style.css", "/debrief/debrief.html", "/boards", "/board/overview",
        "/traces", "/enter/", "/enter/x",
        "/enter/host-token/", "/openapi.json", "/docs", "/nothing")  # fmt: skip
SAID = ("/", "/state", "/static/console.js", "/boards", "/board/overview", "/traces", "/debrief/debrief.html",
        "/enter/host-token", "/nothing")  # fmt: skip
"""Some of what is asked for, of each kind."""
WRITES = {
    "join": Joined(5, 10.0, "Ann", "player"),
    "acknowledge": Acknowledged(5, 10.0, "Ann", PAGE),
    "runbook": RunbookOpened(5, 10.0, "Ann", PAGE),
    "claim": Claimed(5, 10.0, "Ann", "shop-2", "process", 0.7),
    "note": Noted(5, 10.0, "Ann", "it is <b>slow</b>"),
    "answer": Answered(5, 10.0, "Ann", QUESTION, "Only slow."),
    "act": Asked(5, 10.0, "Ann", "restart shop-2"),
    "hint": HintAsked(5, 10.0, "Ann"),
    "over": Declared(5, 10.0, "Ann"),
    "truth": TruthShown(5, 10.0, "Ann"),
    "steer": Steered(5, 10.0, "Ann", "extend", 60.0),
}


@pytest.fixture
def folder(tmp_path):
    with sealed_round(tmp_path / "one"):
        yield tmp_path / "one"


def facts(folder):
    return game.read(folder / GAME_FILE)


def test_every_verb_is_tried_here():
    assert set(BODIES) == set(WRITES) == {verb for verbs in rights.MAY.values() for verb in verbs}
    assert set(rights.MAY) == set(ROLES)
    assert rights.MAY["watcher"] == ()
    assert [role for role in ROLES if rights.may(role, "steer") or rights.may(role, "truth")] == ["host"]


def allowed(yes):
    return [(role, verb) for role in ROLES for verb in BODIES if rights.may(role, verb) is yes]


@pytest.mark.parametrize(("role", "verb"), allowed(True))
def test_a_role_does_what_it_may(folder, role, verb):
    changes = {"role": role} if verb == "join" and role == "scribe" else {}
    answer = send(client(settings(folder, TOKENS), role), verb, **changes)
    assert answer.status_code == 200, answer.text
    [written] = facts(folder)[4:]
    assert written == (Joined(5, 10.0, "Ann", role) if changes else WRITES[verb])


@pytest.mark.parametrize("role", ROLES)
def test_a_role_does_nothing_else(untouched, role):
    before = facts(untouched)
    browser = shared(settings(untouched, TOKENS), role)
    for verb in (verb for one, verb in allowed(False) if one == role):
        answer = send(browser, verb)
        assert (answer.status_code, answer.content) == (403, b""), verb
    assert facts(untouched) == before


@pytest.mark.parametrize("path", [*GETS, *(f"/do/{verb}" for verb in BODIES)])
@pytest.mark.parametrize("tokens", [ALONE, TOKENS], ids=["loopback", "listen"])
def test_who_has_no_token_learns_nothing_and_changes_nothing(untouched, path, tokens):
    before = facts(untouched)
    given = settings(untouched, tokens)
    stranger = shared(given)
    stranger.cookies.clear()
    for token in (None, "", "x", "host-toke", "HOST-TOKEN", "é"):
        sent = {"Cookie": f"{given.cookie}={token}".encode()} if token is not None else {}
        asks = partial(stranger.post, content=b"{}") if path.startswith("/do/") else stranger.get
        answer = asks(path, headers=sent)
        assert (answer.status_code, answer.content) == (404, b""), token
    assert facts(untouched) == before


@pytest.mark.parametrize(
    "sent",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
        {"Origin": "http://127.0.0.1:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {PROOF_HEADER: ""},
        {PROOF_HEADER: "0" * 64},
    ],
    ids=str,
)
@pytest.mark.parametrize("tokens", [ALONE, TOKENS], ids=["loopback", "listen"])
def test_a_page_of_somebody_else_changes_nothing(untouched, tokens, sent):
    before = facts(untouched)
    browser = shared(settings(untouched, tokens))
    browser.headers.update(sent)
    for verb in BODIES:
        answer = send(browser, verb)
        assert (answer.status_code, answer.content) == (403, b""), verb
    assert facts(untouched) == before


def test_the_proof_of_one_role_is_no_good_for_another(untouched):
    given = settings(untouched, TOKENS)
    browser = shared(given, "player")
    browser.headers[PROOF_HEADER] = given.proof("host")
    assert send(browser, "note").status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[bad", "localhost.evil.example:80"])
def test_a_name_that_somebody_else_points_at_this_machine_shows_nothing(untouched, host):
    answer = shared(settings(untouched)).get("/", headers={"Host": host})
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("host", ["127.0.0.1:1234", "localhost", "[::1]:80"])
def test_this_machine_is_let_in_by_each_of_its_names(untouched, host):
    assert shared(settings(untouched)).get("/", headers={"Host": host}).status_code == 200


async def chunks():
    """What says nothing of its length."""
    yield b"x" * 5000
    yield b"x" * 5000


@pytest.mark.parametrize("verb", BODIES)
def test_too_much_at_once_is_refused(untouched, verb):
    before = facts(untouched)
    browser = shared(settings(untouched))
    said = browser.post(f"/do/{verb}", content=b"x" * (MOST_BYTES + 1))
    unsaid = browser.post(f"/do/{verb}", content=chunks())
    assert [said.status_code, unsaid.status_code] == [413, 413]
    assert facts(untouched) == before


@pytest.mark.parametrize(
    ("verb", "changes"),
    [
        ("note", {"text": "x" * 2001}),
        ("note", {"text": ""}),
        ("note", {"who": "x" * 41}),
        ("note", {"who": " "}),
        ("note", {"unheard": 1}),
        ("claim", {"confidence": 1.1}),
        ("claim", {"component": "no such"}),
        ("act", {"action": "rm -rf /"}),
        ("acknowledge", {"page": 99}),
        ("acknowledge", {"page": "3"}),
        ("steer", {"how": "win"}),
        ("steer", {"seconds": 1e9}),
        ("join", {"role": "king"}),
    ],
)
def test_what_does_not_fit_is_refused_in_words(untouched, verb, changes):
    before = facts(untouched)
    answer = send(shared(settings(untouched)), verb, **changes)
    assert answer.status_code == 409
    assert answer.json()["refused"]
    assert facts(untouched) == before


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{", b'{"who": "\xff", "text": "x"}', b"null"])
def test_what_is_no_json_is_refused(untouched, content):
    answer = shared(settings(untouched)).post("/do/note", content=content)
    assert answer.status_code == 409


def test_a_token_is_kept_where_no_script_and_no_other_page_has_it(untouched):
    given = settings(untouched, TOKENS)
    browser = shared(given)
    browser.cookies.clear()
    entered = browser.get("/enter/player-token")
    assert entered.status_code == 200
    cookie = entered.headers["set-cookie"].lower()
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip() for part in cookie.split(";")}
    assert 'data-role="player"' in browser.get("/").text
    assert "player-token" not in browser.get("/").text


@pytest.mark.parametrize("path", SAID)
@pytest.mark.parametrize("role", ["host", None])
def test_every_answer_says_that_no_other_page_may_have_a_part_in_it(untouched, path, role):
    browser = shared(settings(untouched, TOKENS))
    if role is None:
        browser.cookies.clear()
    headers = browser.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert headers["cache-control"] == "no-store"
    assert not [name for name in headers if name.startswith("access-control")]


def test_the_page_has_no_script_and_no_style_of_its_own_and_asks_nobody_else(untouched):
    for role in ROLES:
        page = shared(settings(untouched, TOKENS), role).get("/").text
        assert "<style" not in page
        assert " style=" not in page
        assert not re.search(r"\son[a-z]+=", page)
        assert "://" not in page
        assert page.count("<script") == page.count('<script src="/static/')


def test_a_player_joins_as_what_his_token_says(folder):
    answer = send(client(settings(folder, TOKENS), "player"), "join", role="host")
    assert answer.status_code == 409
    assert send(client(settings(folder, TOKENS), "host"), "join", role="host").status_code == 200


def test_a_player_who_calls_himself_the_host_cannot_steer(folder):
    send(client(settings(folder, TOKENS), "host"), "join", who="Hana", role="host")
    answer = send(client(settings(folder, TOKENS), "player"), "steer", who="Hana", how="abort")
    assert answer.status_code == 403
    assert not [fact for fact in facts(folder) if isinstance(fact, Steered)]


def test_at_a_terminal_only_the_host_steers_once_there_is_one_and_at_this_machines_console_everybody_is(folder):
    browser = client(settings(folder))
    assert send(browser, "join", who="Hana", role="host").status_code == 200
    with pytest.raises(GameRefused, match="only a host may: Hana"):
        Table(folder, FakeClock(110.0)).steer("Ann", "extend", 60.0)
    assert send(browser, "steer", who="Hana").status_code == 200
    assert send(browser, "steer", who="Ann").status_code == 200
    assert [fact.who for fact in facts(folder) if isinstance(fact, Joined)] == ["Hana", "Ann"]


def test_a_runbook_is_read_from_its_folder_and_nothing_else_is(folder, tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    (books / "Down.md").write_text("# Down\nLook <here>.")
    given = settings(folder, books=books)
    assert send(client(given), "runbook").json() == {"text": "# Down\nLook <here>."}
    (books / "Down.md").unlink()
    assert send(client(given), "runbook").json() == {"text": "https://books/Down.md"}


def test_origin_of_the_tests_is_the_one_that_is_let_in():
    assert ORIGIN == "http://127.0.0.1"
