"""What it costs a shop worker to be observed, in CPU time a request: `make bench`."""

import statistics
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import httpx
import psutil

from tests.bench.load import Users, plan
from tests.instances import OwnInstance, own_instance

# Well below what one worker can serve, so that nobody waits for a turn.
PER_SECOND = 100.0
ROUND_SECONDS = 4.0
ROUNDS = 12
# Spans leave every half second.
_EXPORTED_WITHIN_SECONDS = 0.8
_SCRAPE_EVERY_SECONDS = 1.0


@dataclass
class Variant:
    """One way to run the worker."""

    name: str
    environment: dict[str, str]
    most: float | None = None
    """Times the CPU of the first variant."""
    app: str | None = None
    scraped: bool = True
    microseconds: list[float] = field(default_factory=list)
    """A request, for each round."""


VARIANTS = (
    (
        "nothing observed",
        {"SHOP_OTLP_ENDPOINT": "", "SHOP_LOG_LEVEL": "error"},
        None,
        "tests.bench.bare:create_app()",
        False,
    ),
    ("default sampling", {"SHOP_TRACE_SAMPLE_RATIO": "0.1"}, 1.5, None, True),
    ("all traces kept", {"SHOP_TRACE_SAMPLE_RATIO": "1.0"}, 2.3, None, True),
)


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
        over = threading.Event()

        def scrape() -> None:
            with httpx.Client() as client:
                while not over.wait(_SCRAPE_EVERY_SECONDS):
                    client.get(self._metrics_url)

        thread = threading.Thread(target=scrape)
        if self.variant.scraped:
            thread.start()
        yield
        over.set()
        if self.variant.scraped:
            thread.join()


def measure(stack, rounds: int = ROUNDS, variants=VARIANTS) -> list[Variant]:
    """Run the variants by turns, so that whatever else this machine does hits them all alike."""
    with ExitStack() as open_:
        workers = []
        for name, environment, most, app, scraped in variants:
            variant = Variant(name, environment, most, app, scraped)
            instance = open_.enter_context(own_instance(stack, app=app, **environment))
            workers.append(Worker(variant, instance))
        for number in range(rounds + 1):
            requests = plan(number, round(PER_SECOND * ROUND_SECONDS))
            for worker in workers:
                worker.serve(requests)
            print(
                f"{number}",
                *(f"{worker.variant.microseconds[-1]:.0f}" for worker in workers),
                file=sys.stderr,
                flush=True,
            )
        for worker in workers:
            # The first round fills the caches and opens the connections.
            del worker.variant.microseconds[0]
            assert not worker.users.failures, worker.users.failures[:5]
        return [worker.variant for worker in workers]


def report(variants: list[Variant]) -> bool:
    base = variants[0].microseconds
    fine = True
    print(f"{'':24}{'µs a request':>14}{'quartiles':>16}{'times':>8}{'at most':>9}")
    for variant in variants:
        low, middle, high = statistics.quantiles(variant.microseconds, n=4)
        ratio = statistics.median(mine / off for mine, off in zip(variant.microseconds, base, strict=True))
        bound = "" if variant.most is None else f"{variant.most:.1f}"
        print(f"{variant.name:24}{middle:>14.0f}{f'{low:.0f} to {high:.0f}':>16}{ratio:>8.2f}{bound:>9}")
        fine = fine and (variant.most is None or ratio <= variant.most)
    return fine
