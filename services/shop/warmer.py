"""Keeps something to show of products that nobody has asked for lately, for the time when Postgres does not answer."""

from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import Counter

from services.kit.lifecycle.periodic import Periodic
from services.kit.telemetry.instruments import Instruments
from services.shop.products import Products


@dataclass(frozen=True, slots=True)
class WarmPlan:
    """How much is kept, and how often that is looked after."""

    every: timedelta
    most: int
    """Products, in the order of their skus: a catalogue may be larger than Redis."""


def warmer(products: Products, plan: WarmPlan, instruments: Instruments) -> Periodic:
    """What does so while it is entered. Every instance has one; whichever is first does it for all."""
    failures = Counter(
        "app_cache_warm_ups_failed",
        "Times that products nobody asked for could not be kept for an outage.",
        registry=instruments.registry,
    )

    async def warm_up() -> None:
        if await products.warm_up_is_ours(plan.every):
            # With a slow Redis it could take longer than an instance that stops has.
            await products.warm_up(plan.most, stop=lambda: rounds.leaving)

    rounds = Periodic("warm_up", warm_up, plan.every, failures)
    return rounds
