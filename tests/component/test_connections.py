"""Thousands of users at once on products that HAProxy's cache holds: none fails. How long they wait: `make bench`."""

import pytest

from tests.bench.connections import CONNECTIONS, PER_SECOND, served_in_turn

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def test_five_thousand_connections_are_each_served(stack):
    # As long as each needs for its turn, and a tenth more.
    print(served_in_turn(stack, 1.1 * CONNECTIONS / PER_SECOND))
