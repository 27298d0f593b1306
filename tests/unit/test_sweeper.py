"""The sweeper says how many orders are abandoned, and when nobody can know."""

import asyncio
import math
from datetime import timedelta

import pytest
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry

from services.kit.instruments import Instruments
from services.kit.problems import DependencyUnavailable
from services.shop.sweeper import Sweeper, SweepPlan


class Postgres:
    """Answers with what it is told to."""

    answer: int | Exception = 3

    async def run(self, _):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_count_that_nobody_could_renew_is_no_count():
    registry, postgres = CollectorRegistry(), Postgres()
    plan = SweepPlan(timedelta(seconds=5), timedelta(seconds=30), 10, release=False)
    sweeper = Sweeper(postgres, None, plan, Instruments.create(registry, NoOpTracer()))
    asyncio.run(sweeper.sweep())
    assert registry.get_sample_value("app_orders_abandoned") == 3
    postgres.answer = DependencyUnavailable("postgres")
    with pytest.raises(DependencyUnavailable):
        asyncio.run(sweeper.sweep())
    assert math.isnan(registry.get_sample_value("app_orders_abandoned"))
