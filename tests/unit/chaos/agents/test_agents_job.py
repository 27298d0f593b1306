"""What an agent says of itself: on disk for good where an undo needs it, and at once where it is only news."""

import os

import msgspec
import pytest

from chaos.agents import job
from chaos.agents.job import Job, Place, Status


@pytest.fixture
def synced(monkeypatch):
    seen = []
    monkeypatch.setattr(os, "fsync", seen.append)
    monkeypatch.setattr(job.signal, "signal", lambda *_: None)
    return seen


def test_news_does_not_wait_for_the_disk(tmp_path, synced):
    Job(Place(tmp_path, "surge"), {}).report(True, "60 of 60 requests/s")
    status = msgspec.json.decode((tmp_path / "surge.status").read_bytes(), type=Status)
    assert (status.acts, status.detail) == (True, "60 of 60 requests/s")
    assert synced == []


def test_who_an_agent_is_is_on_disk_before_it_acts(tmp_path, synced):
    Job(Place(tmp_path, "surge"), {}).announce()
    assert (tmp_path / "surge.process").exists()
    assert len(synced) == 2, "what it says, and the name of the file"
