"""The pager's journal loses nothing it acknowledged, and its switch tells the truth."""

import contextlib
import json
import resource
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.pager.deadman import Deadman
from services.pager.delivery import Alert, Arrival, Delivery, Message
from services.pager.journal import Journal, previous

WATCHDOG = Alert(
    status="firing",
    labels={"alertname": "Watchdog"},
    annotations={},
    startsAt="2026-01-01T00:00:00Z",
    endsAt="0001-01-01T00:00:00Z",
    fingerprint="f",
)
MESSAGE = Message(version="4", status="firing", groupKey="{}", alerts=(WATCHDOG,))


def delivery(seq):
    return Delivery.of(seq, Arrival(1000.0 + seq, 10.0 + seq), "pager", MESSAGE)


def reopen(path):
    journal, held = Journal.open(path)
    journal.close()
    return [each.seq for each in held]


def reading(path):
    return [json.loads(line)["seq"] for line in path.read_text().splitlines()]


@contextlib.contextmanager
def no_room():
    """Let no file of this process grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_appended_is_there_again(tmp_path):
    journal, held = Journal.open(tmp_path / "journal")
    assert held == []
    journal.append(delivery(1))
    journal.append(delivery(2))
    journal.close()
    journal, held = Journal.open(tmp_path / "journal")
    journal.close()
    assert held == [delivery(1), delivery(2)]


def test_a_half_written_line_is_cut_off_on_start(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(delivery(1).model_dump_json().encode() + b'\n{"seq": 2, "rec')
    journal, held = Journal.open(path)
    assert [each.seq for each in held] == [1]
    journal.append(delivery(2))
    journal.close()
    assert reopen(path) == [1, 2]


def test_a_line_that_is_no_delivery_is_skipped_and_the_rest_kept(tmp_path):
    path = tmp_path / "journal"
    lines = [delivery(1).model_dump_json(), "\0\0\0", delivery(3).model_dump_json()]
    path.write_text("\n".join(lines) + "\n")
    assert reopen(path) == [1, 3]


def test_a_failed_append_leaves_no_trace_and_the_next_one_succeeds(tmp_path):
    path = tmp_path / "journal"
    journal, _ = Journal.open(path)
    journal.append(delivery(1))
    before = path.read_bytes()
    with no_room(), pytest.raises(OSError, match="too large"):
        journal.append(delivery(2))
    assert path.read_bytes() == before
    journal.append(delivery(3))
    journal.close()
    assert reopen(path) == [1, 3]


def test_remains_that_appear_after_a_line_are_cut_off_before_the_next(tmp_path):
    path = tmp_path / "journal"
    journal, _ = Journal.open(path)
    journal.append(delivery(1))
    with path.open("ab") as other:
        other.write(b'{"seq": 2')
    journal.append(delivery(2))
    journal.close()
    assert reopen(path) == [1, 2]


@given(texts=st.lists(st.text(max_size=200), min_size=1, max_size=30), most=st.integers(1, 3000))
def test_a_journal_is_bounded_and_what_it_holds_is_the_latest(texts, most):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        journal, _ = Journal.open(path, most)
        appended = [Delivery.of(seq, Arrival(1.0, 1.0), "pager", None, text) for seq, text in enumerate(texts, 1)]
        for each in appended:
            journal.append(each)
        journal.close()
        longest = max(len(each.model_dump_json().encode()) + 1 for each in appended)
        sizes = [file.stat().st_size for file in (path, previous(path)) if file.exists()]
        assert max(sizes) <= max(most, longest)
        assert {file.name for file in Path(folder).iterdir()} <= {"journal", "journal.1"}
        journal, held = Journal.open(path, most)
        journal.close()
        assert held == appended[-len(held) :]
        left_out = sum(len(each.model_dump_json().encode()) + 1 for each in appended[: -len(held)])
        assert sum(sizes) + left_out == sum(len(each.model_dump_json().encode()) + 1 for each in appended)
        assert not left_out or sum(sizes) > most


def test_a_journal_that_died_while_it_was_begun_anew_holds_each_line_once(tmp_path):
    path = tmp_path / "journal"
    journal, _ = Journal.open(path)
    journal.append(delivery(1))
    journal.close()
    previous(path).hardlink_to(path)
    assert reopen(path) == [1]
    journal, _ = Journal.open(path, most_bytes=1)
    journal.append(delivery(2))
    journal.append(delivery(3))
    journal.close()
    assert reopen(path) == [2, 3]


def test_who_waits_for_a_journal_that_is_begun_anew_gets_the_new_one(tmp_path):
    path = tmp_path / "journal"
    first, _ = Journal.open(path, most_bytes=1)
    first.append(delivery(1))
    waited = []
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(lambda: waited.append(Journal.open(path)))
        # The other thread may have opened the old file by now or not: it must get the new one either way.
        first.append(delivery(2))
        first.append(delivery(3))
        first.close()
        waiting.result()
    ((second, held),) = waited
    second.append(delivery(4))
    second.close()
    assert [each.seq for each in held] == [2, 3]
    assert reopen(path) == [2, 3, 4]


def test_a_failed_new_beginning_refuses_and_the_next_one_succeeds(tmp_path):
    path = tmp_path / "journal"
    journal, _ = Journal.open(path, most_bytes=1)
    journal.append(delivery(1))
    blocked = path.with_name("journal.new")
    blocked.mkdir()
    with pytest.raises(OSError, match=r"journal\.new"):
        journal.append(delivery(2))
    assert reading(path) == [1]
    blocked.rmdir()
    journal.append(delivery(3))
    journal.close()
    assert reopen(path) == [1, 3]


def test_a_refused_delivery_says_why():
    refused = Delivery.of(1, Arrival(1.0, 1.0), "nobody", None, "unknown receiver")
    assert (refused.accepted, refused.reason, refused.alerts) == (False, "unknown receiver", ())


def test_only_a_firing_watchdog_shows_life():
    assert WATCHDOG.is_watchdog
    assert not WATCHDOG.model_copy(update={"status": "resolved"}).is_watchdog
    assert not WATCHDOG.model_copy(update={"labels": {"alertname": "Other"}}).is_watchdog


class Clock:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 50.0

    def __call__(self):
        return self.now


def test_the_switch_is_not_alive_before_the_first_watchdog():
    reading = Deadman(timedelta(seconds=30), Clock()).read()
    assert (reading.last_seen, reading.age_seconds, reading.alive) == (None, None, False)


def test_the_switch_is_alive_until_its_timeout():
    clock = Clock()
    deadman = Deadman(timedelta(seconds=30), clock)
    deadman.saw(received_at=1000.0)
    clock.now += 29
    assert deadman.read().alive
    clock.now += 1
    reading = deadman.read()
    assert (reading.last_seen, reading.age_seconds, reading.alive) == (1000.0, 30.0, False)


def test_the_switch_remembers_a_watchdog_from_before_a_restart():
    deadman = Deadman(timedelta(seconds=30), Clock())
    deadman.saw(received_at=1000.0, age_seconds=31)
    assert not deadman.read().alive
