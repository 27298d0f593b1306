"""Reading what a load recorded, whole or not."""

import json

import pytest

from chaos.facts.samples import Load, Request, Tick, parse
from chaos.spec.load import LoadSettings

START = {"start": 0.4, "wall": "2026-01-01T00:00:00Z", "pid": 7, "settings": LoadSettings().as_fact()}
REQUEST = {
    "at": 0.5,
    "took": 0.01,
    "name": "POST /orders",
    "status": 201,
    "ok": True,
    "error": None,
    "served_by": "shop-2",
}
TICK = {"tick": 1.4, "users": 125, "started": 50, "finished": 49, "lag": 0.002}
END = {"end": "SIGTERM", "at": 1.6}


def lines(*facts: object) -> list[str]:
    return [json.dumps(fact) + "\n" for fact in facts]


def test_a_whole_file_is_complete():
    load = parse(lines(START, REQUEST, TICK, END))
    request = Request(0.5, 0.01, "POST /orders", 201, ok=True, error=None, served_by="shop-2")
    assert load == Load(LoadSettings(), (request,), (Tick(1.4, 125, 50, 49, 0.002),), "SIGTERM", torn=False, lines=4)
    assert load.complete


def test_a_file_without_its_last_line_is_not_complete():
    load = parse(lines(START, REQUEST, TICK))
    assert load.end is None
    assert not load.complete


@pytest.mark.parametrize("cut", range(1, len(json.dumps(END)) + 1))
def test_a_torn_last_line_is_said_wherever_it_is_torn(cut):
    [*whole, last] = lines(START, REQUEST, END)
    load = parse([*whole, last[:-cut]])
    assert load.torn
    assert not load.complete
    assert len(load.requests) == 1


def test_an_empty_file_has_not_even_settings():
    assert parse([]) == Load(None, (), (), None, torn=False)


@pytest.mark.parametrize("line", ["nonsense\n", "{}\n", '{"name": "GET /"}\n', '{"tick": 1}\n', "7\n"])
def test_any_other_line_that_is_no_fact_is_an_error_with_its_number(line):
    with pytest.raises(ValueError, match=r"^load\.ndjson:2: "):
        parse([*lines(START), line, *lines(END)])
