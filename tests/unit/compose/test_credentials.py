"""Passwords are their owner's alone, are kept, and are in nothing that others read."""

import re
import stat

import pytest

from compose.config import credentials


@pytest.fixture
def folder(tmp_path):
    credentials.make(tmp_path / "secrets")
    return tmp_path / "secrets"


def passwords(folder):
    return {file.name: file.read_text().strip().rpartition(":")[2] for file in folder.iterdir()}


def test_only_their_owner_may_look_whatever_the_umask(folder):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_each_is_another_and_long(folder, tmp_path):
    credentials.make(tmp_path / "others")
    made = [*passwords(folder).values(), *passwords(tmp_path / "others").values()]
    assert len(set(made)) == len(made) == 8
    assert min(map(len, made)) >= 40


def test_what_is_there_is_kept_and_half_a_start_is_finished(folder):
    before = passwords(folder)
    credentials.password_file(folder, "shop").unlink()
    (folder / "postgres-shop.new").write_text("half")
    credentials.make(folder)
    after = passwords(folder)
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {"postgres-shop"}


def test_what_the_server_reads_names_no_password(folder):
    statements = credentials.roles(folder, "shop_of_mine")
    assert not [password for password in passwords(folder).values() if password in statements]
    # One a line: a Postgres that serves nobody reads them so.
    assert all(line.endswith(";") for line in statements.splitlines())
    assert not re.search(r"SUPERUSER|CREATEROLE|CREATEDB|trust", statements)
