"""What it costs a shop worker to be observed, in CPU time a request, while it is never idle.

Workers that differ in nothing else are asked by turns, in short rounds of each kind of requests: whatever else the
machine does meanwhile hits them all alike. A request's cost is the worker's CPU time in a round by the number of
requests, with the threads that send spans away, less what it takes at rest; how long it took does not count. Scrapes
are measured by themselves.
"""

import os
import statistics
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack

import httpx

from tests.bench.traffic import KINDS, Traffic, place_orders
from tests.bench.worker import Variant, Worker, bare_routes, variants

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "9"))
SCRAPES = 40
MOST_SCRAPE_MS = 3.0
"""Of CPU time of one worker."""
# Spans leave every second; those of a round are to be paid for in it.
_EXPORTED_WITHIN_SECONDS = 1.5
_AT_REST_SECONDS = 3.0
_MOST_FAILED = 0.01
"""Of each kind of requests."""
_BARE = Traffic("bare route", 2000, KINDS[0].make, {})
# Postgres has connections for a few workers more than the stack's own.
_FEW_CONNECTIONS = {"SHOP_POSTGRES_POOL_MAX": "3", "SHOP_POSTGRES_POOL_MIN": "1"}


class Measured:
    """All that was measured; printed, and judged, by `report`."""

    def __init__(self, rounds: int = ROUNDS) -> None:
        self.rounds = rounds
        self.shops = variants()
        self.bare = bare_routes()
        self.scrape_ms: list[float] = []
        """Of CPU time, one for each scrape of a worker that has served all kinds of requests."""

    def measure(self, stack) -> None:
        """Run all variants by turns."""
        for in_memory in (True, False):
            kinds = [kind for kind in KINDS if kind.l1 == in_memory]
            with ExitStack() as open_:
                environment = _FEW_CONNECTIONS | {"SHOP_L1_CACHE": "on" if in_memory else "off"}
                workers = [open_.enter_context(Worker(stack, variant, **environment)) for variant in self.shops]
                self._serve(workers, kinds)
                if in_memory:
                    self.scrape_ms = _scrapes(workers[1])
        with ExitStack() as open_:
            self._serve([open_.enter_context(Worker(stack, variant)) for variant in self.bare], [_BARE])

    def _serve(self, workers: list[Worker], kinds: Iterable[Traffic]) -> None:
        shop = place_orders(workers[0].instance.url) if workers[0].variant in self.shops else None
        # The first round fills the caches and opens the connections.
        for number in range(self.rounds + 1):
            for kind in kinds:
                _serve_round(workers, kind, number, shop, keep=number > 0)
                costs = "  ".join(f"{worker.variant.latest(kind.name):.0f}" for worker in workers)
                print(f"round {number} of {self.rounds}, {kind.name}: {costs} µs", file=sys.stderr, flush=True)
            if number == 0:
                _look_at_rest(workers)

    def report(self) -> bool:
        """Print the tables; say whether every bound holds, and whether it was what was to be measured."""
        fine = True
        print(f"{'CPU of a worker':27}{'µs a request':>13}{'quartiles':>14}{'/s a core':>11}{'times':>7}{'at most':>9}")
        for kind in KINDS:
            print(kind.name)
            for variant in self.shops:
                fine = _row(kind, variant, self.shops[0]) and fine
        print("without a shop")
        for variant in self.bare:
            _row(_BARE, variant, self.bare[0])
        return self._scrape_row() and _all_answered([*self.shops, *self.bare], self.rounds) and fine

    def _scrape_row(self) -> bool:
        low, middle, high = statistics.quantiles(self.scrape_ms, n=4)
        spread = f"{low:.2f} to {high:.2f}"
        print(f"{'a scrape of an instance':27}{middle:>10.2f} ms{spread:>14}{MOST_SCRAPE_MS:>27.1f}")
        return middle <= MOST_SCRAPE_MS


def _look_at_rest(workers: list[Worker]) -> None:
    """What each takes while nobody asks: who is asked first in a round is at rest for the longest part of it."""
    began, before = time.monotonic(), [worker.cpu_seconds() for worker in workers]
    time.sleep(_AT_REST_SECONDS)
    for worker, then in zip(workers, before, strict=True):
        worker.at_rest = (worker.cpu_seconds() - then) / (time.monotonic() - began)


def _serve_round(workers: list[Worker], kind: Traffic, number: int, shop, *, keep: bool) -> None:
    requests, before = kind.round(number, shop), []
    # Another one begins in each round: none always has the coldest machine, or the longest time to send spans.
    turn = workers[number % len(workers) :] + workers[: number % len(workers)]
    for worker in turn:
        failed = len(worker.users.failures)
        # One to have the answer in memory where that is what is measured.
        worker.users.send(requests[:1])
        before.append((worker.cpu_seconds(), time.monotonic()))
        worker.users.send(requests[1:])
        worker.variant.failed[kind.name] += len(worker.users.failures) - failed
    time.sleep(_EXPORTED_WITHIN_SECONDS)
    for worker, (computed, began) in zip(turn, before, strict=True):
        if keep:
            took = worker.cpu_seconds() - computed - worker.at_rest * (time.monotonic() - began)
            worker.variant.microseconds[kind.name].append(took / (len(requests) - 1) * 1e6)


def _row(kind: Traffic, variant: Variant, base: Variant) -> bool:
    mine, theirs = variant.microseconds[kind.name], base.microseconds[kind.name]
    low, middle, high = statistics.quantiles(mine, n=4)
    times = statistics.median(one / other for one, other in zip(mine, theirs, strict=True))
    most = kind.most.get(variant.name)
    bound = "" if most is None else f"{most:.2f}"
    spread = f"{low:.0f} to {high:.0f}"
    print(f"  {variant.name:25}{middle:>13.0f}{spread:>14}{1e6 / middle:>11.0f}{times:>7.2f}{bound:>9}")
    return most is None or times <= most


def _all_answered(compared: list[Variant], rounds: int) -> bool:
    fine = True
    for variant in compared:
        if variant.failures or variant.lost_spans:
            print(f"{variant.name}: {len(variant.failures)} failed, {variant.lost_spans:.0f} spans lost")
            print(*variant.failures[:1], sep="\n")
        # A busy machine may be late with a few; more, or spans that were never sent, would be another measurement.
        most = {kind.name: _MOST_FAILED * (rounds + 1) * kind.requests for kind in (*KINDS, _BARE)}
        fine = fine and not variant.lost_spans and all(variant.failed[name] <= most[name] for name in most)
    return fine


def _scrapes(worker: Worker) -> list[float]:
    """What each of some scrapes cost, in milliseconds."""
    costs = []
    # As Prometheus does, which keeps its connection and stores exemplars.
    with httpx.Client(headers={"accept": "application/openmetrics-text;version=1.0.0"}, timeout=10) as client:
        for _ in range(SCRAPES):
            before = worker.cpu_seconds()
            client.get(worker.instance.metrics_url).raise_for_status()
            costs.append((worker.cpu_seconds() - before) * 1e3)
    return costs
