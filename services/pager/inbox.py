"""What has arrived, accepted or refused, in memory and in the journal."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from services.pager.deadman import RECEIVER, Deadman
from services.pager.delivery import Arrival, Delivery, Message, Reading
from services.pager.journal import Journal
from services.pager.settings import PagerSettings

T = TypeVar("T")

_log = structlog.get_logger(__name__)
_RETRY_SECONDS = 0.5
# The journal keeps more; readers come every second and ask for the new ones.
_KEPT_IN_MEMORY = 10_000
# Anyone may call with any receiver; neither a label nor the journal must grow with that.
_UNKNOWN = "unknown"


class PagerMetrics:
    """Deliveries by what became of them, and the switch."""

    def __init__(self, registry: CollectorRegistry, receivers: Iterable[str], deadman: Deadman) -> None:
        self._receivers = frozenset(receivers)
        self._deliveries = Counter(
            "pager_deliveries",
            "Deliveries by receiver and result.",
            ("receiver", "result"),
            registry=registry,
        )
        for receiver in (*self._receivers, _UNKNOWN):
            for result in ("accepted", "refused"):
                self._deliveries.labels(receiver, result)
        alive = Gauge("pager_deadman_alive", "1 while Watchdog arrives.", registry=registry)
        alive.set_function(lambda: float(deadman.read().alive))
        age = Gauge(
            "pager_deadman_age_seconds",
            "Time since Watchdog last arrived; NaN if it never did.",
            registry=registry,
        )
        age.set_function(lambda: _nan_if_none(deadman.read().age_seconds))

    def count(self, delivery: Delivery) -> None:
        """Count one delivery."""
        # Where any receiver's are taken, there are others than those that were named.
        receiver = delivery.receiver if delivery.receiver in self._receivers else _UNKNOWN
        self._deliveries.labels(receiver, "accepted" if delivery.accepted else "refused").inc()

    def count_unknown(self) -> None:
        """Count one that was for nobody we know."""
        self._deliveries.labels(_UNKNOWN, "refused").inc()


def _nan_if_none(value: float | None) -> float:
    return float("nan") if value is None else value


class Inbox:
    """Takes deliveries in, one after the other, and gives them out again."""

    def __init__(self, settings: PagerSettings, registry: CollectorRegistry) -> None:
        self._path = settings.journal
        self._journal_bytes = settings.journal_bytes
        self._deadman = Deadman(settings.deadman_timeout)
        self._metrics = PagerMetrics(registry, settings.receivers, self._deadman)
        self._deliveries: deque[Delivery] = deque(maxlen=_KEPT_IN_MEMORY)
        # Refused for want of storage, and so not in the journal yet.
        self._unwritten: deque[Delivery] = deque(maxlen=_KEPT_IN_MEMORY)
        self._last_seq = 0
        # The order of lines is the order of arrival; a thread of its own keeps the slowness of
        # disks from the event loop.
        self._turn = asyncio.Lock()
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._journal: Journal | None = None
        self._retry: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Open the journal and remember what it holds; raises what Journal.open raises."""
        self._journal, held = await self._on_disk(Journal.open, self._path, self._journal_bytes)
        for delivery in held:
            self._remember(delivery)
            self._last_seq = max(self._last_seq, delivery.seq)
            if _shows_life(delivery):
                # The other clock may have started anew since.
                self._deadman.saw(delivery.received_at, time.time() - delivery.received_at)
        self._retry = asyncio.create_task(self._write_again())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._journal is not None
        assert self._retry is not None
        self._retry.cancel()
        await asyncio.gather(self._retry, return_exceptions=True)
        await self._on_disk(self._journal.close)
        self._disk.shutdown()

    def refuse_unknown(self) -> None:
        """Count a delivery to a receiver that we do not know; nothing of it is kept."""
        self._metrics.count_unknown()

    async def take(self, arrival: Arrival, receiver: str, message: Message | None, refusal: str | None) -> Delivery:
        """Keep a delivery and return it once it is on disk.

        One that cannot be stored comes back refused; it is written when storage allows.
        """
        return await self._keep(lambda seq, reason: Delivery.of(seq, arrival, receiver, message, reason), refusal)

    async def take_message(
        self, arrival: Arrival, receiver: str, kind: str, reading: Reading | None, refusal: str | None
    ) -> Delivery:
        """Keep a message for people, as `take` does a webhook's."""
        return await self._keep(
            lambda seq, reason: Delivery.for_people(seq, arrival, receiver, kind, reading, reason), refusal
        )

    async def _keep(self, described: Callable[[int, str | None], Delivery], refusal: str | None) -> Delivery:
        # Alertmanager may hang up while we write; what is on disk must be in memory as well.
        return await asyncio.shield(self._take(described, refusal))

    async def _take(self, described: Callable[[int, str | None], Delivery], refusal: str | None) -> Delivery:
        async with self._turn:
            self._last_seq += 1
            delivery = described(self._last_seq, refusal)
            try:
                await self._append(delivery)
            except OSError as error:
                delivery = described(self._last_seq, f"storage: {error}")
                self._unwritten.append(delivery)
                _log.error("journal_failed", seq=delivery.seq, error=str(error))
            self._remember(delivery)
        self._metrics.count(delivery)
        if _shows_life(delivery):
            self._deadman.saw(delivery.received_at)
        return delivery

    def after(self, seq: int) -> list[Delivery]:
        """Return the deliveries with a higher number, oldest first."""
        newer: list[Delivery] = []
        for delivery in reversed(self._deliveries):
            if delivery.seq <= seq:
                break
            newer.append(delivery)
        newer.reverse()
        return newer

    @property
    def last_seq(self) -> int:
        """The number of the newest delivery, 0 if there is none."""
        return self._deliveries[-1].seq if self._deliveries else 0

    @property
    def deadman(self) -> Deadman:
        return self._deadman

    def _remember(self, delivery: Delivery) -> None:
        self._deliveries.append(delivery)

    async def _append(self, delivery: Delivery) -> None:
        await self._write_unwritten()
        assert self._journal is not None
        await self._on_disk(self._journal.append, delivery)

    async def _write_unwritten(self) -> None:
        assert self._journal is not None
        while self._unwritten:
            await self._on_disk(self._journal.append, self._unwritten[0])
            self._unwritten.popleft()

    async def _write_again(self) -> None:
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            if not self._unwritten:
                continue
            async with self._turn:
                try:
                    await self._write_unwritten()
                    _log.info("journal_recovered")
                except OSError:
                    continue

    async def _on_disk(self, call: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, call, *arguments)


def _shows_life(delivery: Delivery) -> bool:
    return delivery.accepted and delivery.receiver == RECEIVER and any(alert.is_watchdog for alert in delivery.alerts)
