"""What it costs a shop worker to be observed, in CPU time a request.

Workers that differ in nothing else serve the drill's mix by turns, in short rounds: whatever else the machine does
meanwhile hits them all alike. A request's cost is the worker's CPU time in a round, threads that export and answer
Prometheus included, by the number of requests.
"""

import math
import statistics
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import httpx
import psutil

from services.shop.settings import ShopSettings
from tests.bench.load import Users, plan
from tests.instances import OwnInstance, own_instance

# Well below what one worker can serve, so that nobody waits for a turn.
PER_SECOND = 100.0
ROUND_SECONDS = 5.0
ROUNDS = 12
# Prometheus asks every second in a drill, and every 15 s in production, which is more than a round: each has one.
DRILL_SCRAPE_SECONDS, PRODUCTION_SCRAPE_SECONDS = 1.0, ROUND_SECONDS / 2
# Spans leave every second; those of a round are to be paid for in it.
_EXPORTED_WITHIN_SECONDS = 1.3
_MOST_FAILED = 0.01


@dataclass
class Variant:
    """One way to run the worker."""

    name: str
    environment: dict[str, str]
    most: float | None = None
    """Times the CPU of the first variant."""
    app: str | None = None
    scrape_every_seconds: float = PRODUCTION_SCRAPE_SECONDS
    scrapes: float = math.inf
    """At most so many a round."""
    microseconds: list[float] = field(default_factory=list)
    """A request's, for each round."""
    failed: float = 0.0
    """Share of the requests."""

    def times(self, base: "Variant") -> float:
        """The median of what it cost in a round by what the other did in the same."""
        return statistics.median(
            mine / theirs for mine, theirs in zip(self.microseconds, base.microseconds, strict=True)
        )


def variants() -> list[Variant]:
    """What is compared; the first is what the others are compared with."""
    share = str(ShopSettings.model_fields["trace_sample_ratio"].default)
    off = {"SHOP_OTLP_ENDPOINT": "", "SHOP_LOG_LEVEL": "error"}
    return [
        Variant("nothing observed", off, app="tests.bench.bare:create_app()", scrapes=0),
        Variant("default sampling", {"SHOP_TRACE_SAMPLE_RATIO": share}, 1.5, scrapes=1),
        Variant("all traces kept", {"SHOP_TRACE_SAMPLE_RATIO": "1.0"}, 2.3, scrape_every_seconds=DRILL_SCRAPE_SECONDS),
    ]


class Worker:
    """One variant's running worker and those who ask it."""

    def __init__(self, variant: Variant, instance: OwnInstance) -> None:
        self.variant = variant
        self.users = Users(instance.url)
        self._metrics_url = instance.metrics_url
        (self._process,) = psutil.Process(instance.process.pid).children()

    def serve(self, requests) -> None:
        """Serve one round and note what a request cost."""
        before = self._cpu_seconds()
        with self._scraped():
            self.users.send(requests, PER_SECOND)
            time.sleep(_EXPORTED_WITHIN_SECONDS)
        self.variant.microseconds.append((self._cpu_seconds() - before) / len(requests) * 1e6)

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    @contextmanager
    def _scraped(self):
        over, variant = threading.Event(), self.variant

        def scrape() -> None:
            made = 0
            while made < variant.scrapes and not over.wait(variant.scrape_every_seconds):
                # As Prometheus does where exemplars are stored.
                httpx.get(self._metrics_url, headers={"accept": "application/openmetrics-text;version=1.0.0"})
                made += 1

        thread = threading.Thread(target=scrape)
        thread.start()
        yield
        over.set()
        thread.join()


def measure(stack, compared: list[Variant], rounds: int = ROUNDS) -> None:
    """Run the variants by turns."""
    with ExitStack() as open_:
        workers = []
        for variant in compared:
            instance = open_.enter_context(own_instance(stack, app=variant.app, **variant.environment))
            workers.append(Worker(variant, instance))
        for number in range(rounds + 1):
            requests = plan(number, round(PER_SECOND * ROUND_SECONDS))
            for worker in workers:
                worker.serve(requests)
            costs = "  ".join(f"{variant.microseconds[-1]:.0f}" for variant in compared)
            print(f"round {number} of {rounds}: {costs} µs", file=sys.stderr, flush=True)
        for worker in workers:
            # The first round fills the caches and opens the connections.
            del worker.variant.microseconds[0]
            worker.variant.failed = len(worker.users.failures) / (PER_SECOND * ROUND_SECONDS * (rounds + 1))


def report(compared: list[Variant]) -> bool:
    """Print what was measured; say whether every bound holds, and whether it was the mix that was measured."""
    base, fine = compared[0], True
    print(f"{'CPU of a shop worker':24}{'µs a request':>14}{'quartiles':>16}{'times':>8}{'at most':>9}{'failed':>9}")
    for variant in compared:
        low, middle, high = statistics.quantiles(variant.microseconds, n=4)
        times, bound = variant.times(base), "" if variant.most is None else f"{variant.most:.1f}"
        spread = f"{low:.0f} to {high:.0f}"
        print(f"{variant.name:24}{middle:>14.0f}{spread:>16}{times:>8.2f}{bound:>9}{variant.failed:>9.1%}")
        # A machine that is busy with something else may be late with a few; more would be another mix.
        fine = fine and (variant.most is None or times <= variant.most) and variant.failed <= _MOST_FAILED
    return fine
