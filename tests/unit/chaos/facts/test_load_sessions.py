"""Sessions from ledger lines, and what became of them: lost, stale, doubled, somebody else's, each by its name."""

import json

import pytest

from chaos.facts.sessions import CartWrite, Look, SessionReading, Told, UserSession, compare, fold, tally

ACKNOWLEDGED, REFUSED, UNKNOWN = Told.ACKNOWLEDGED, Told.REFUSED, Told.UNKNOWN


def fact(**fields: object) -> str:
    return json.dumps({"at": 1.5, "session": "s"} | fields) + "\n"


SENT, OPEN = fact(state="sent"), fact(state="acknowledged", token="t", user_id="u")
WRITE = fact(state="sent", write=1, sku="a", quantity=1)


def opened(*events: CartWrite | Look) -> UserSession:
    return UserSession("s", 1.5, ACKNOWLEDGED, "t", "u", events)


def write(quantity: int, state: Told = ACKNOWLEDGED, sku: str = "a") -> CartWrite:
    return CartWrite(quantity, sku, quantity, state)


def cart(**items: int) -> Look:
    return Look(2.0, gone=False, items=items)


GONE, MINE, ANOTHERS = Look(2.0, gone=True), Look(2.0, False, user_id="u"), Look(2.0, False, user_id="v")


def test_a_session_and_its_writes_have_the_state_that_their_user_was_told():
    lines = [SENT, OPEN, WRITE, fact(state="acknowledged", write=1)]
    lines += [fact(state="sent", write=2, sku="a", quantity=2), fact(gone=False, user_id=None, items={"a": 1})]
    lines += [fact(state="sent", write=3, sku="b", quantity=1), fact(state="refused", write=3)]
    [session] = fold(lines).sessions
    assert session == UserSession(
        "s",
        1.5,
        ACKNOWLEDGED,
        "t",
        "u",
        (
            CartWrite(1, "a", 1, ACKNOWLEDGED),
            CartWrite(2, "a", 2, UNKNOWN),
            Look(1.5, False, None, {"a": 1}),
            CartWrite(3, "b", 1, REFUSED),
        ),
        used_at=1.5,
    )


def test_how_long_it_lives_is_said_at_log_in_and_counts_from_its_last_use():
    lines = [
        SENT,
        fact(state="acknowledged", token="t", user_id="u", lifetime=60.0),
        fact(gone=False, user_id="u", items=None, at=20.0),
    ]
    [session] = fold(lines).sessions
    assert (session.lifetime, session.used_at) == (60.0, 20.0)
    assert session.may_be_gone(80.0)
    assert not session.may_be_gone(70.0)
    assert not fold([SENT, OPEN]).sessions[0].may_be_gone(1e9), "it did not say"


def test_a_log_in_without_an_answer_is_unknown_and_a_refused_one_refused():
    assert [one.state for one in fold([SENT]).sessions] == [UNKNOWN]
    assert [one.state for one in fold([SENT, fact(state="refused")]).sessions] == [REFUSED]


def test_a_torn_last_line_is_said():
    ledger = fold([SENT, OPEN[:-9]])
    assert ledger.torn
    assert [one.state for one in ledger.sessions] == [UNKNOWN]


@pytest.mark.parametrize(
    "line",
    ["nonsense\n", "[]\n", "{}\n", fact(state="perhaps"), fact(state="refused", write=7), fact(state="sent", write=2)],
)
def test_any_other_line_that_is_no_fact_is_an_error_with_its_number(line):
    with pytest.raises(ValueError, match=r"^sessions\.ndjson:3: "):
        fold([SENT, OPEN, line, WRITE])


def test_what_was_never_sent_is_no_fact():
    with pytest.raises(ValueError, match=r"^sessions\.ndjson:1: "):
        fold([OPEN])
    with pytest.raises(ValueError, match=r"^sessions\.ndjson:1: "):
        fold([WRITE])


@pytest.mark.parametrize(
    ("before", "look", "missed"),
    [
        ([], MINE, set()),
        ([], GONE, {"s"}),
        ([write(1), write(2, UNKNOWN)], GONE, {"s", "s/a=1"}),
        ([write(1), write(2)], cart(a=2), set()),
        ([write(1), write(2)], cart(a=1), {"s/a=2"}),
        ([write(1), write(2)], cart(), {"s/a=1", "s/a=2"}),
        ([write(1), write(1, sku="b")], cart(a=1), {"s/b=1"}),
        # Of what its user knows nothing both are right, and it may be carried out after a later write.
        ([write(1, UNKNOWN)], cart(), set()),
        ([write(1, UNKNOWN)], cart(a=1), set()),
        ([write(1, UNKNOWN), write(2)], cart(a=1), set()),
        ([write(1), write(2, UNKNOWN), write(3)], cart(a=1), {"s/a=3"}),
        ([write(1, REFUSED)], cart(), set()),
    ],
)
def test_a_look_misses_what_was_acknowledged_before_it_and_is_not_shown(before, look, missed):
    seen = compare(opened(), before, look)
    assert (seen.missed, seen.doubled, seen.foreign) == (missed, frozenset(), frozenset())


@pytest.mark.parametrize(
    ("before", "look", "doubled"),
    [
        ([write(1)], cart(a=2), {"s/a"}),
        ([write(1), write(2, UNKNOWN)], cart(a=2), set()),
        ([write(1), write(2, UNKNOWN)], cart(a=3), {"s/a"}),
        ([write(1, REFUSED)], cart(a=1), {"s/a"}),
    ],
)
def test_more_than_all_writes_explain_is_doubled(before, look, doubled):
    assert compare(opened(), before, look).doubled == doubled


def test_what_is_not_theirs_is_foreign():
    assert compare(opened(), [], ANOTHERS).foreign == {"s"}
    assert compare(opened(), [write(1)], cart(a=1, z=1)).foreign == {"s/z"}


def test_a_write_sent_after_the_look_is_not_missed_by_it():
    result = tally([opened(cart(), write(1), cart(a=1))], [SessionReading("s", cart(a=1))])
    assert (result.stale, result.lost, result.lost_ratio, result.reads, result.found) == ((), (), 0.0, 2, 1)


def test_a_stale_read_counts_though_all_is_there_in_the_end():
    result = tally([opened(write(1), cart(), cart())], [SessionReading("s", cart(a=1))])
    assert (result.stale, result.lost, result.found) == (("s/a=1", "s/a=1"), (), 1)
    assert result.lost_ratio == 0.5  # of one session and one write


def test_what_is_lost_counts_once_however_often_it_was_missed():
    result = tally([opened(write(1), GONE)], [SessionReading("s", GONE)])
    assert (result.lost, result.lost_ratio, result.found) == (("s", "s/a=1"), 1.0, 0)


def test_what_could_not_be_read_is_neither_found_nor_lost():
    result = tally([opened(write(1))], [SessionReading("s", None)])
    assert (result.unread, result.lost, result.found, result.lost_ratio) == (("s",), (), 0, 0.0)
    assert tally([opened()], []).unread == ("s",)


def test_log_ins_that_were_not_acknowledged_are_counted_and_not_read():
    refused, unknown = UserSession("r", 1.0, REFUSED), UserSession("x", 1.0, UNKNOWN)
    result = tally([refused, unknown], [])
    assert result.sessions == {REFUSED: 1, UNKNOWN: 1}
    assert (result.unread, result.lost_ratio) == ((), None)
