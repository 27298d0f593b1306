"""A runbook in a round says the addresses of the stack that is played on, and how fast time runs there."""

from pathlib import Path

import msgspec
import pytest

from chaos.gameday import runbooks
from chaos.spec.target import Urls
from tests import fakes

BOOKS = Path(runbooks.__file__).parents[2] / "alerts" / "runbooks"
URLS = Urls("http://shop:1", prometheus="http://prom:2", alertmanager="http://am:3", pager="http://pager:4")
TARGET = msgspec.structs.replace(fakes.system(Path("/nowhere")).target, urls=URLS, pace=10)


def test_addresses_and_windows_are_those_of_the_stack():
    written = "export PROMETHEUS=http://127.0.0.1:9090\nIn a drill minutes are seconds: write `[5s]`.\n"
    told = "export PROMETHEUS=http://prom:2\nHere a minute takes 6 s: write `[30s]`.\n"
    assert runbooks.for_target(written, TARGET) == told


def test_of_replicas_behind_a_password_the_first_is_shown_without_it():
    inside = Urls("http://shop:1", prometheus=["http://ci:s3cret@prom:2", "http://prom:3"])
    there = msgspec.structs.replace(TARGET, urls=inside, alerting=None)
    assert runbooks.for_target("curl http://127.0.0.1:9090/x\n", there) == "curl http://prom:2/x\n"


def test_what_a_target_does_not_say_stays():
    written = "curl http://127.0.0.1:9093\nIn a drill minutes are seconds: write `[5s]`.\n"
    silent = msgspec.structs.replace(TARGET, urls=Urls("http://shop:1"), alerting=None, pace=None)
    assert runbooks.for_target(written, silent) == written
    assert runbooks.for_target(written, None) == written


@pytest.mark.parametrize("book", sorted(BOOKS.glob("*.md")), ids=lambda book: book.stem)
def test_no_runbook_of_ours_keeps_what_is_written_for_everywhere(book):
    told = runbooks.text(f"https://books/{book.name}", BOOKS, TARGET)
    assert "9090" not in told
    assert "minutes are seconds" not in told


def test_only_what_lies_in_that_folder_is_read(tmp_path):
    (tmp_path / "secret.md").write_text("no")
    (tmp_path / "books").mkdir()
    assert runbooks.text("https://x/../secret.md", tmp_path / "books") == "https://x/../secret.md"
    assert runbooks.text("", tmp_path / "books") == "it has none"
    assert runbooks.text("https://x/a.md", None) == "https://x/a.md"
