"""Postgres's connections: however many workers there are, all pools together get no more than there are."""

import pytest

from compose.config import connections, render
from compose.config.programs import service_environment
from compose.settings import from_environment
from compose.stack import StackError, up
from compose.topology import build


def settings(**environment):
    return from_environment({"STORMDRILL_STATE": "/var/tmp/x", **environment})


def sizes(chosen):
    """The most connections of one worker of each instance, as it is told."""
    stack = build(chosen)
    told = [(one.role.upper(), service_environment(one, chosen, stack)) for one in stack.programs if one.metrics_ports]
    return [int(env[f"{role}_POSTGRES_POOL_MAX"]) for role, env in told if role != "PAGER"]


@pytest.mark.parametrize(("workers", "each"), [(1, 10), (2, 8), (3, 5), (4, 4), (5, 3), (8, 2)])
def test_the_budget_is_shared_out(workers, each):
    chosen = settings(STORMDRILL_WORKERS=str(workers))
    assert sizes(chosen) == [each] * 5
    assert 5 * workers * each <= connections.BUDGET
    assert not connections.refusal(chosen, build(chosen))


def test_at_rest_nobody_is_warned():
    # PostgresConnectionsNearLimit: 80 % of what is not reserved.
    assert connections.BUDGET + connections.OTHERS < 0.8 * (connections.MOST - connections.RESERVED)


def test_postgres_has_as_many_as_are_shared_out():
    assert f"max_connections = {connections.MOST}\n" in render.postgresql_conf(build(settings()))


def test_the_users_own_size_wins():
    assert sizes(settings(SHOP_POSTGRES_POOL_MAX="12")) == [12, 12, 12, 10, 10]


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"SHOP_POSTGRES_POOL_MAX": "30"}, "may take 110 connections, and 30 more"),
        ({"SHOP_POSTGRES_POOL_MAX": "10", "STORMDRILL_WORKERS": "4"}, "may take 152 connections, and 40 more"),
        ({"INVENTORY_POSTGRES_POOL_MAX": "9", "STORMDRILL_WORKERS": "8"}, "may take 192 connections, and 72 more"),
    ],
)
def test_more_than_there_are_is_refused_in_one_line_before_anything_is_touched(environment, wanted):
    chosen = settings(**environment)

    class Untouched:
        """Raises AttributeError for whatever else is asked of it."""

        def notices(self):
            return []

        def topology(self):
            return build(chosen)

    with pytest.raises(StackError, match=wanted) as refused:
        up(chosen, Untouched(), print)
    assert "\n" not in str(refused.value)
    assert "lower STORMDRILL_WORKERS" in str(refused.value)


def test_replicas_of_a_swarm_count_one_by_one():
    chosen = settings(STORMDRILL_WORKERS="2")
    assert connections.pool_size(chosen, build(chosen, replicated=True)) == connections.pool_size(chosen, build(chosen))


@pytest.mark.parametrize("environment", [{"SHOP_POOL": "off"}, {"SHOP_POSTGRES_POOL_MAX": "many"}])
def test_where_there_is_no_number_there_is_nothing_to_refuse(environment):
    chosen = settings(**environment)
    assert not connections.refusal(chosen, build(chosen))
