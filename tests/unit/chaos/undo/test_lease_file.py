"""The lease's file: renewed in its place, while others read it."""

import os
from pathlib import Path

import msgspec
import pytest

from chaos.undo.lease import DURATION_SECONDS, LeaseFile
from tests.fakes import FakeClock

LONG = 1000.0


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def lease(tmp_path, clock):
    return LeaseFile(tmp_path, clock)


def test_one_that_is_read_while_it_is_renewed_is_the_old_one_or_the_new_one_and_no_third(lease, tmp_path, clock):
    file = tmp_path / "lease.json"
    lease.acquire("one", LONG)
    old, old_lease = file.read_bytes(), lease.live()
    clock.wait(DURATION_SECONDS - 0.7531)  # other digits
    lease.renew("one")
    new, new_lease = file.read_bytes(), lease.live()
    assert len(old) == len(new)
    for length in range(len(new)):
        file.write_bytes(new[:length] + old[length:])
        assert lease.read() in (old_lease, new_lease, None)


def test_renewing_makes_no_file_and_waits_for_none_to_be_replaced(lease, tmp_path, clock, monkeypatch):
    lease.acquire("one", LONG)
    before = (tmp_path / "lease.json").stat()

    def stands_still(*_):
        raise AssertionError("a rename waits behind whoever floods the disk")

    with monkeypatch.context() as patch:
        for module, name in ((os, "replace"), (os, "rename"), (os, "fsync"), (Path, "replace"), (Path, "rename")):
            patch.setattr(module, name, stands_still)
        for _ in range(3):
            clock.wait(DURATION_SECONDS - 1)
            lease.renew("one")
    after = (tmp_path / "lease.json").stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    lease.assert_held("one")


def test_one_of_the_release_before_has_no_sum_and_counts(lease, tmp_path):
    lease.acquire("one", LONG)
    written = msgspec.json.decode((tmp_path / "lease.json").read_bytes())
    del written["check"]
    (tmp_path / "lease.json").write_bytes(msgspec.json.encode(written))
    lease.assert_held("one")
    lease.renew("one")
    lease.assert_held("one")
