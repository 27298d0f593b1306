"""Every test here leaves a stack that is proven healthy, so that none hides behind another."""

import time

import pytest

from compose import health

_WELL_WITHIN_SECONDS = 90.0


@pytest.fixture(autouse=True)
def well_again(stack):
    yield
    health.wait_for(health.everything(stack.topology), time.monotonic() + _WELL_WITHIN_SECONDS, lambda _: None)
