"""Each Debian release once for all tests of it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.distros.root import Root, make, root_in

KEPT = "STORMDRILL_DISTROS"
"""A folder where the releases stay as the last test has left them, to go on with single tests (`-k`)."""


@pytest.fixture(scope="session")
def releases() -> Iterator[Path]:
    """The folder that holds them; gone afterwards unless they are to be kept."""
    if kept := os.environ.get(KEPT):
        yield Path(kept).absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="stormdrill-distros-", dir="/var/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def root(request, releases) -> Root:
    """One release, bare but for what is needed to clone the project."""
    return (
        root_in(releases / request.param)
        if (releases / request.param).exists()
        else make(request.param, releases / request.param)
    )
