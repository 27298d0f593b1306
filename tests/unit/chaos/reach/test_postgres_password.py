"""A password that was read once is known when its file cannot be looked at, and never an old one while it can."""

import stat
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from chaos.reach.postgres import keep_in_mind

LINE = "*:*:*:*:first\n"


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "passwords"
    file.write_text(LINE)
    return file


def kept(file):
    told = Path(conninfo_to_dict(keep_in_mind(f"postgresql://it@127.0.0.1:1/it?passfile={file}"))["passfile"])
    return told.read_text() if told.exists() else None


def test_what_was_read_is_known_when_the_file_is_gone(file):
    assert kept(file) == LINE
    file.unlink()
    assert kept(file) == LINE


def test_what_is_there_is_read_anew_each_time(file):
    assert kept(file) == LINE
    file.write_text("*:*:*:*:2\n")
    assert kept(file) == "*:*:*:*:2\n"


def test_who_reads_the_one_before_reads_it_whole(file):
    told = conninfo_to_dict(keep_in_mind(f"postgresql://it@127.0.0.1:1/it?passfile={file}"))["passfile"]
    file.write_text("*:*:*:*:2\n")
    assert kept(file) == "*:*:*:*:2\n"
    assert Path(told).read_text() == LINE


def test_what_never_was_there_is_left_to_postgres_to_refuse(tmp_path):
    assert kept(tmp_path / "nothing") is None


def test_nobody_else_may_read_it_as_libpq_wants(file):
    told = conninfo_to_dict(keep_in_mind(f"postgresql://it@127.0.0.1:1/it?passfile={file}"))["passfile"]
    assert stat.S_IMODE(Path(told).stat().st_mode) == 0o600


@pytest.mark.parametrize("dsn", ["", "postgresql://it@127.0.0.1:1/it"])
def test_what_names_no_file_stays_as_it_is(dsn):
    assert keep_in_mind(dsn) == dsn
