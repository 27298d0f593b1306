"""The console as a process: it answers within a second, is killed and begun again, and shows nobody its tokens."""

import concurrent.futures
import contextlib
import os
import signal
import time
from pathlib import Path

import httpx
import msgspec
import psutil
import pytest

from chaos.console import process
from chaos.console.gate import PROOF_HEADER
from chaos.errors import GameRefused
from chaos.facts.game import Steered
from chaos.gameday.table import Table
from chaos.machine import process_identity
from tests.fakes import FakeClock
from tests.ports import free_port
from tests.unit.chaos.console import rounds
from tests.unit.chaos.console.rounds import TOKENS, sealed_round
from tests.waiting import until

BEHIND_SECONDS = 1.0
MOST_NICE = 19


@pytest.fixture
def folder(tmp_path):
    with sealed_round(tmp_path / "one"):
        yield tmp_path / "one"


@pytest.fixture
def given(folder):
    return msgspec.structs.replace(rounds.settings(folder, TOKENS), port=free_port())


@pytest.fixture
def console(given, tmp_path):
    begun = process.start(given, tmp_path / ".console" / "one.json")
    yield begun
    begun.end()


@contextlib.contextmanager
def browser(given, role="player"):
    base = f"http://127.0.0.1:{given.port}"
    with httpx.Client(base_url=base, timeout=20, headers={PROOF_HEADER: given.proof(role), "Origin": base}) as made:
        assert made.get(f"/enter/{TOKENS[role]}").status_code == 200
        yield made


def state(asks, before=None):
    known = {name: (before or {}).get(name, "") or 0 for name in ("facts", "users", "alerts")}
    named = {name: (before or {}).get(name, "") for name in ("run", "stage")}
    return asks.get("/state", params=known | named).json()


def test_a_page_knows_within_a_second_what_happens(given, console, folder):
    with browser(given) as asks, concurrent.futures.ThreadPoolExecutor(1) as beside:
        first = state(asks)
        waiting = beside.submit(state, asks, first)
        time.sleep(0.5)  # it waits for something new
        assert not waiting.done()
        wrote = time.monotonic()
        Table(folder, FakeClock(111.0)).note("Bob", "here")
        assert [event["words"] for event in waiting.result(5)["events"]] == ["Bob notes: here"]
        assert time.monotonic() - wrote < BEHIND_SECONDS


def test_what_is_done_from_a_page_is_a_fact_of_the_game(given, console, folder):
    with browser(given) as asks:
        answer = asks.post("/do/note", content=msgspec.json.encode({"who": "Ann", "text": "x"}))
        assert answer.status_code == 200, answer.text
        assert Table(folder).facts[-1].text == "x"
        assert asks.post("/do/steer", content=b"{}").status_code == 403


def test_killed_and_begun_again_it_goes_on_at_the_same_addresses(given, console, folder):
    with browser(given) as asks:
        first = state(asks)
        os.killpg(console.child.pgid, signal.SIGKILL)
        until(lambda: not process_identity.is_alive(console.child))
        with pytest.raises(httpx.TransportError):
            state(asks, first)
        Table(folder, FakeClock(111.0)).note("Bob", "while it was away")
        again = process.start(given, console.file)
        try:
            assert [event["words"] for event in state(asks, first)["events"]] == ["Bob notes: while it was away"]
        finally:
            again.end(forget=True)
    assert not console.file.exists()


def test_neither_its_command_line_nor_its_log_says_a_token(given, console):
    with browser(given) as asks:
        state(asks)
    told = Path(f"/proc/{console.child.pid}/cmdline").read_text() + console.file.with_suffix(".log").read_text()
    assert [word for word in (*TOKENS.values(), given.secret) if word in told] == []
    assert console.file.stat().st_mode & 0o077 == 0


def test_where_one_listens_another_is_refused(given, console, tmp_path):
    with pytest.raises(GameRefused, match="taken"):
        process.start(given, tmp_path / ".console" / "other.json")


def test_the_rounds_own_programs_come_first(given, console):
    with browser(given) as asks:
        state(asks)
    first = psutil.Process(console.child.pid)
    nice = min(os.nice(0) + 10, MOST_NICE)
    assert [one.nice() for one in (first, *first.children())] == [nice, nice]
    group = Path(f"/proc/{first.pid}/autogroup")
    # Not every kernel has it; containers may not write it.
    if os.access(group, os.W_OK):
        assert group.read_text().split()[-1] == "10"


def test_who_has_an_account_of_this_machine_and_no_token_has_nothing(given, tmp_path, folder):
    alone = msgspec.structs.replace(given, tokens=rounds.ALONE)
    begun = process.start(alone, tmp_path / ".console" / "alone.json")
    try:
        [address] = begun.lines
        base = f"http://127.0.0.1:{given.port}"
        with httpx.Client(base_url=base, headers={PROOF_HEADER: alone.proof("host")}) as stranger:
            assert stranger.get("/").status_code == 404
            steers = msgspec.json.encode({"who": "Ann", "how": "abort"})
            assert stranger.post("/do/steer", content=steers).status_code == 404
            assert stranger.get(address.removeprefix("console: ")).status_code == 200
            assert stranger.post("/do/steer", content=steers).status_code == 200
        assert [fact.how for fact in Table(folder).facts if isinstance(fact, Steered)] == ["abort"]
    finally:
        begun.end()
