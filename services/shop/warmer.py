"""Keeps something to show of products that nobody has asked for lately, for the time when Postgres does not answer."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from prometheus_client import Counter

from services.kit.instruments import Instruments
from services.kit.periodic import Periodic
from services.shop.products import Products


@dataclass(frozen=True, slots=True)
class WarmPlan:
    """How much is kept, and how often that is looked after."""

    every: timedelta
    most: int
    """Products, in the order of their skus: a catalogue may be larger than Redis."""


class Warmer:
    """Does so while it is entered. Every instance has one; whichever is first does it for all."""

    def __init__(self, products: Products, plan: WarmPlan, instruments: Instruments) -> None:
        self._products = products
        self._plan = plan
        failures = Counter(
            "app_cache_warm_ups_failed",
            "Times that products nobody asked for could not be kept for an outage.",
            registry=instruments.registry,
        )
        self._rounds = Periodic("warm_up", self.warm_up, plan.every, failures)

    async def __aenter__(self) -> Self:
        await self._rounds.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._rounds.__aexit__(*error)

    async def warm_up(self) -> None:
        """Do it once, if it is due. Raises Unavailable if Postgres or Redis does not answer."""
        if await self._products.warm_up_is_ours(self._plan.every):
            # With a slow Redis it could take longer than an instance that stops has.
            await self._products.warm_up(self._plan.most, stop=lambda: self._rounds.leaving)
