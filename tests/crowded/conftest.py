"""A stack with as many workers an instance as there may be."""

import pytest

from compose.settings import MOST_WORKERS


@pytest.fixture(scope="session")
def stack_environment(stack_environment) -> dict[str, str]:
    """Whatever the caller's own setting is."""
    return stack_environment | {"STORMDRILL_WORKERS": str(MOST_WORKERS)}
