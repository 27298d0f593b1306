"""What a server may do to whoever asks it for JSON: drip, lie about size, nest without end; it costs a bounded time."""

import itertools
import time

import httpx
import pytest

from chaos.errors import SignalUnavailable
from chaos.reach import http
from chaos.reach.http import JsonApi, is_application


class Body(httpx.SyncByteStream):
    """An answer's content, piece by piece, each after a while."""

    def __init__(self, pieces, every_seconds=0.0):
        self._pieces = pieces
        self._every_seconds = every_seconds

    def __iter__(self):
        for piece in self._pieces:
            time.sleep(self._every_seconds)
            yield piece


def answering(body):
    return httpx.MockTransport(lambda _: httpx.Response(200, stream=body))


def test_an_answer_that_comes_byte_by_byte_is_given_up():
    began = time.monotonic()
    with pytest.raises(SignalUnavailable, match="not whole within"):
        JsonApi("it", "http://it", answering(Body(itertools.repeat(b" "), 0.01)), timeout=0.2).get("/")
    assert time.monotonic() - began < 10


def test_an_answer_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(http, "LONGEST_ANSWER_BYTES", 1000)
    with pytest.raises(SignalUnavailable, match="longer than 1000 bytes"):
        JsonApi("it", "http://it", answering(Body(itertools.repeat(b" " * 64)))).get("/")


def test_what_is_nested_too_deep_is_no_answer():
    with pytest.raises(SignalUnavailable, match="RecursionError"):
        JsonApi("it", "http://it", answering(Body([b"[" * 200_000]))).get("/")


def test_a_page_that_comes_byte_by_byte_is_none(monkeypatch):
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", 0.2)
    began = time.monotonic()
    assert not is_application("http://it", "It", answering(Body(itertools.repeat(b" "), 0.01)))
    assert time.monotonic() - began < 10


def test_a_whole_answer_is_decoded_and_a_refusal_told():
    assert JsonApi("it", "http://it", answering(Body([b'{"a"', b": 1}"]))).get("/") == {"a": 1}
    refused = httpx.MockTransport(lambda _: httpx.Response(400, text="no such query"))
    with pytest.raises(SignalUnavailable, match="it: no such query"):
        JsonApi("it", "http://it", refused).get("/")
