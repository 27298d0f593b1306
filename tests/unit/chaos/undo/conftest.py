"""Disks that take no write, or may not be looked at: real ones for a process that the kernel limits."""

import os
import resource
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest


@pytest.fixture
def full():
    """As on a full disk no file can grow, and there is no room for a new one's content."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    @contextmanager
    def filled():
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, before)

    return filled


@pytest.fixture
def forbidden(tmp_path, monkeypatch, full):
    """Nothing below the test's folder may be read or written; the superuser cannot be forbidden it in earnest."""
    read_bytes, open_ = Path.read_bytes, os.open

    def refuse(file):
        if file.is_relative_to(tmp_path):
            raise PermissionError(13, "Permission denied", str(file))
        return read_bytes(file)

    def refuse_to_open(file, *flags):
        if Path(file).is_relative_to(tmp_path):
            raise PermissionError(13, "Permission denied", str(file))
        return open_(file, *flags)

    @contextmanager
    def closed():
        with full(), monkeypatch.context() as patched:
            patched.setattr(Path, "read_bytes", refuse)
            patched.setattr(os, "open", refuse_to_open)
            yield

    return closed
