"""Gives back the stock of orders that were begun and never finished."""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Self
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from services.kit.lifecycle.periodic import Periodic
from services.kit.postgres.database import Postgres
from services.kit.postgres.pool import Connection
from services.kit.problems import Unavailable
from services.kit.telemetry.instruments import Instruments
from services.shop.order_book import OrderBook
from services.shop.reservations import Reservations

_log = structlog.get_logger(__name__)

# What a sweep has claimed in vain is as young as that claim, and counted as overdue all the same.
_COUNT = """
SELECT count(*) FILTER (WHERE attempted_at < now() - %(after)s),
       count(*) FILTER (WHERE created_at < now() - %(overdue)s
                          AND (status = 'releasing' OR attempted_at < now() - %(after)s))
FROM shop.orders WHERE status IN ('pending', 'releasing')
"""
_SWEEPS_ENOUGH = 2
"""After which an abandoned order should have been ended by one of the instances."""
# From here on nobody can confirm it. Several sweepers each claim others, and what a sweeper has claimed is left to it
# until it is old again.
_CLAIM = """
WITH abandoned AS MATERIALIZED (
    SELECT id FROM shop.orders WHERE status IN ('pending', 'releasing') AND attempted_at < now() - %s
    ORDER BY attempted_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE shop.orders SET status = 'releasing', attempted_at = now() FROM abandoned WHERE orders.id = abandoned.id
RETURNING orders.id
"""


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """When to sweep what."""

    every: timedelta
    abandoned_after: timedelta
    """Longer than any attempt can last; a shorter time would refuse orders that are being placed."""
    at_once: int
    """Orders a sweep, so that it ends before the next one is due."""
    release: bool
    """Off, abandoned orders are only counted."""

    @property
    def overdue_after(self) -> timedelta:
        """Age from which on an unfinished order should have been ended by a sweep."""
        return self.abandoned_after + _SWEEPS_ENOUGH * self.every


class SweepMetrics:
    """What is found and what is done about it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.abandoned = Gauge(
            "app_orders_abandoned", "Unfinished orders nobody works on, at the last look.", registry=registry
        )
        self.overdue = Gauge(
            "app_orders_overdue",
            "Abandoned orders that two sweeps should have ended and did not, at the last look.",
            registry=registry,
        )
        swept = Counter("app_orders_swept", "Abandoned orders that were taken up.", ("result",), registry=registry)
        self.released = swept.labels("released")
        self.failed = swept.labels("failed")
        self.unseen = Counter("app_order_sweeps_failed", "Sweeps that could not look.", registry=registry)


class Sweeper:
    """Sweeps every few seconds while it is entered. Every instance has one; they share the work."""

    def __init__(
        self, postgres: Postgres, reservations: Reservations, plan: SweepPlan, instruments: Instruments
    ) -> None:
        self._postgres = postgres
        self._book = OrderBook(postgres)
        self._reservations = reservations
        self._plan = plan
        self._metrics = SweepMetrics(instruments.registry)
        self._tracer = instruments.tracer
        self._sweeps = Periodic("sweep", self._sweep_in_a_trace, plan.every, self._metrics.unseen)

    async def __aenter__(self) -> Self:
        await self._sweeps.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop after the order that is being worked on; that ends by its own time-outs."""
        await self._sweeps.__aexit__(*error)

    async def _sweep_in_a_trace(self) -> None:
        with self._tracer.start_as_current_span("orders.sweep"):
            await self.sweep()

    async def sweep(self) -> None:
        """Count what is abandoned and clean it up. Raises Unavailable if Postgres cannot be asked."""
        try:
            self._tell(*await self._postgres.run(self._count))
        except Unavailable:
            self._tell(math.nan, math.nan)  # nobody knows: what was seen at the last look may long be gone
            raise
        for _ in range(self._plan.at_once if self._plan.release else 0):
            # What is claimed while inventory does not answer would only have to wait to be old again, and would not be
            # counted meanwhile. So one by one: the circuit's next probe may be a sweep's, and fail.
            if self._sweeps.leaving or self._reservations.are_refused:
                return
            if (order_id := await self._postgres.run(self._claim)) is None:
                return
            await self._give_up(order_id)

    def _tell(self, abandoned: float, overdue: float) -> None:
        self._metrics.abandoned.set(abandoned)
        self._metrics.overdue.set(overdue)

    async def _give_up(self, order_id: UUID) -> None:
        try:
            # No connection to Postgres is held meanwhile.
            await self._reservations.release(order_id)
            await self._book.discard(order_id)
        except Unavailable as error:
            # It stays claimed, and is found again when it is old again.
            self._metrics.failed.inc()
            _log.warning("order_not_released", order=str(order_id), error=error.detail)
            return
        self._metrics.released.inc()
        _log.info("order_released", order=str(order_id))

    async def _count(self, connection: Connection) -> tuple[int, int]:
        ages = {"after": self._plan.abandoned_after, "overdue": self._plan.overdue_after}
        row = await (await connection.execute(_COUNT, ages)).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    async def _claim(self, connection: Connection) -> UUID | None:
        cursor = await connection.execute(_CLAIM, (self._plan.abandoned_after,))
        row = await cursor.fetchone()
        return None if row is None else row[0]
