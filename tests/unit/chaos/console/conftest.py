"""What the console's tests share: one event loop for all that browsers ask, and a round that nobody changes."""

import os

import pytest

from tests.unit.chaos.console import rounds
from tests.unit.chaos.console.rounds import sealed_round


@pytest.fixture(scope="package", autouse=True)
def without_a_disk():
    """Nothing here is to outlive a crash of the machine, and waiting for the disk was most of these tests' time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="package", autouse=True)
def one_loop():
    """Of all requests: a loop of its own costs each more than the request."""
    yield
    rounds.LOOP.close()


@pytest.fixture(scope="session")
def untouched(tmp_path_factory):
    """A sealed round that is refused whatever is asked of it: every test that has it sees that nothing was written."""
    folder = tmp_path_factory.mktemp("untouched") / "one"
    with sealed_round(folder):
        yield folder
