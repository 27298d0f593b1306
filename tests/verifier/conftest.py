"""A stack whose alerting is put right again after each test."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Runs, well_again
from tests.verifier.alerting import Alerting

__all__ = ["well_again"]


@pytest.fixture
def runs(stack) -> Runs:
    return Runs(stack.settings.runs)


@pytest.fixture
def alerting(stack, well_again) -> Iterator[Alerting]:
    broken = Alerting(stack)
    yield broken
    broken.restore()
