"""The sweeper says how many orders are abandoned, and when nobody can know."""

import asyncio
import math
from datetime import timedelta
from uuid import uuid4

import pytest
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry

from services.kit.problems import DependencyUnavailable
from services.kit.telemetry.instruments import Instruments
from services.shop.sweeper import Sweeper, SweepPlan


class Postgres:
    """Answers with what it is told to."""

    answer: tuple[int, int] | Exception = (3, 2)

    async def run(self, _):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Orders:
    """Abandoned orders in memory; the first question of a sweep is how many they are, each further one claims one."""

    def __init__(self, count):
        self.old = [uuid4() for _ in range(count)]
        self.claimed = []

    async def run(self, asked):
        if asked.__name__ == "_count":
            return len(self.old), 0
        if asked.__name__ == "_claim":
            self.claimed += self.old[:1]
            return self.old.pop(0) if self.old else None
        return None


class Reservations:
    """Inventory's; it answers nobody, or everybody, and the circuit is open as soon as one was not answered."""

    def __init__(self, answers):
        self.answers = answers
        self.are_refused = False

    async def release(self, _):
        if not self.answers:
            self.are_refused = True
            raise DependencyUnavailable("inventory")


def sweep(orders, reservations, at_once):
    plan = SweepPlan(timedelta(seconds=5), timedelta(seconds=30), at_once, release=True)
    asyncio.run(Sweeper(orders, reservations, plan, Instruments.create(CollectorRegistry(), NoOpTracer())).sweep())


def test_a_sweep_that_proves_to_be_in_vain_leaves_all_but_one_as_old_as_they_are():
    orders = Orders(5)
    sweep(orders, Reservations(answers=False), at_once=20)
    assert (len(orders.claimed), len(orders.old)) == (1, 4)


def test_a_sweep_takes_up_so_many_at_most_and_ends_when_none_is_left():
    orders, reservations = Orders(5), Reservations(answers=True)
    sweep(orders, reservations, at_once=3)
    assert len(orders.claimed) == 3
    sweep(orders, reservations, at_once=3)
    assert (len(orders.claimed), orders.old) == (5, [])


def test_a_count_that_nobody_could_renew_is_no_count():
    registry, postgres = CollectorRegistry(), Postgres()
    plan = SweepPlan(timedelta(seconds=5), timedelta(seconds=30), 10, release=False)
    sweeper = Sweeper(postgres, None, plan, Instruments.create(registry, NoOpTracer()))
    asyncio.run(sweeper.sweep())
    counts = ("app_orders_abandoned", "app_orders_overdue")
    assert [registry.get_sample_value(name) for name in counts] == [3, 2]
    postgres.answer = DependencyUnavailable("postgres")
    with pytest.raises(DependencyUnavailable):
        asyncio.run(sweeper.sweep())
    assert all(math.isnan(registry.get_sample_value(name)) for name in counts)
