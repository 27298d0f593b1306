"""Orders from ledger lines, and what became of them."""

import json

import pytest

from chaos.facts.ledger import Ledger, Order, OrderReading, OrderState, fold, means_acknowledged, means_refused, tally

ACKNOWLEDGED, REFUSED, UNKNOWN = OrderState.ACKNOWLEDGED, OrderState.REFUSED, OrderState.UNKNOWN


def sent(key: str) -> str:
    return json.dumps({"at": 1.5, "key": key, "sku": "sku-0001", "quantity": 1, "state": "sent"}) + "\n"


def told(key: str, state: str, **more: object) -> str:
    return json.dumps({"at": 2.0, "key": key, "state": state} | more) + "\n"


def test_an_order_has_the_state_that_its_user_was_told():
    lines = [sent("a"), sent("b"), told("b", "refused"), sent("c"), told("a", "acknowledged", id="o1")]
    assert fold(lines) == Ledger(
        (
            Order("a", 1.5, "sku-0001", 1, ACKNOWLEDGED, "o1"),
            Order("b", 1.5, "sku-0001", 1, REFUSED),
            Order("c", 1.5, "sku-0001", 1, UNKNOWN),
        ),
        torn=False,
        lines=5,
    )


def test_a_torn_last_line_is_said_and_its_order_stays_unknown():
    ledger = fold([sent("a"), told("a", "acknowledged", id="o1")[:-9]])
    assert ledger.torn
    assert [order.state for order in ledger.orders] == [UNKNOWN]


def test_reads_of_an_acknowledged_order_are_counted_and_those_that_do_not_show_it():
    reads = [json.dumps({"at": 3.0, "key": "a", "shown": shown}) + "\n" for shown in (True, False, True)]
    [order] = fold([sent("a"), told("a", "acknowledged", id="o1"), *reads]).orders
    assert (order.state, order.id, order.reads, order.stale_reads) == (ACKNOWLEDGED, "o1", 3, 1)


@pytest.mark.parametrize("line", ["nonsense\n", "[]\n", "{}\n", told("never sent", "refused"), told("a", "perhaps")])
def test_any_other_line_that_is_no_fact_is_an_error_with_its_number(line):
    with pytest.raises(ValueError, match=r"^orders\.ndjson:2: "):
        fold([sent("a"), line, sent("b")])


@pytest.mark.parametrize("status", [400, 402, 403, 404, 410, 422, 429])
def test_a_client_error_refuses_for_sure(status):
    assert means_refused(status)


@pytest.mark.parametrize("status", [None, 200, 201, 302, 408, 409, 425, 500, 502, 503, 504])
def test_nothing_else_does(status):
    assert not means_refused(status)


@pytest.mark.parametrize("status", [None, 202, 204, 404, 500])
def test_only_an_order_in_the_answer_acknowledges(status):
    assert not means_acknowledged(status)
    assert means_acknowledged(200)
    assert means_acknowledged(201)


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (OrderReading("k", ACKNOWLEDGED, 1, id_matches=True), {"acknowledged": 1, "found": 1}),
        (OrderReading("k", ACKNOWLEDGED, 0, id_matches=False), {"acknowledged": 1, "lost": ("k",)}),
        (OrderReading("k", ACKNOWLEDGED, 1, id_matches=False), {"acknowledged": 1, "mismatched": ("k",)}),
        (OrderReading("k", ACKNOWLEDGED, 2, id_matches=True), {"acknowledged": 1, "found": 1, "doubled": ("k",)}),
        (OrderReading("k", ACKNOWLEDGED, None, id_matches=False), {"acknowledged": 1, "unread": ("k",)}),
        (OrderReading("k", REFUSED, 0, id_matches=False), {"refused": 1, "refused_absent": 1}),
        (OrderReading("k", REFUSED, 1, id_matches=False), {"refused": 1, "refused_but_found": ("k",)}),
        (OrderReading("k", UNKNOWN, 0, id_matches=False), {"unknown": 1, "unknown_absent": 1}),
        (OrderReading("k", UNKNOWN, 1, id_matches=False), {"unknown": 1, "unknown_found": 1}),
        (OrderReading("k", UNKNOWN, 2, id_matches=False), {"unknown": 1, "unknown_found": 1, "doubled": ("k",)}),
        (OrderReading("k", UNKNOWN, None, id_matches=False), {"unknown": 1, "unread": ("k",)}),
    ],
)
def test_a_reading_counts_where_it_belongs_and_nowhere_else(reading, expected):
    result = tally([reading])
    counted = {name: getattr(result, name) for name in result.__slots__ if getattr(result, name) not in (0, ())}
    assert counted == expected
