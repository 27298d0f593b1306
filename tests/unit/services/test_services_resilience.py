"""What protects requests from the servers behind us: circuit, retries and their budget, bulkhead."""

import asyncio
from datetime import timedelta

import pytest
from opentelemetry.trace import NoOpTracer
from prometheus_client import CollectorRegistry

from services.kit.problems import CircuitOpen, Conflict, DependencyUnavailable, Overloaded, Transient
from services.kit.resilience.dependency import CircuitLimits, Dependency
from services.kit.resilience.retries import RetryBudget
from services.kit.settings import ResilienceSettings
from services.kit.telemetry.instruments import Instruments

OPEN_FOR = timedelta(seconds=1)


class Server:
    """Counts calls and does as it is told."""

    def __init__(self):
        self.calls = 0
        self.error = None

    async def __call__(self):
        self.calls += 1
        if self.error is not None:
            raise self.error
        return "well"


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def server():
    return Server()


class Clock:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    """By which circuits open and close."""
    clock = Clock()
    monkeypatch.setattr("circuitbreaker.monotonic", clock)
    return clock


@pytest.fixture
def dependency(registry, clock):
    def create(**switches):
        instruments = Instruments.create(registry, NoOpTracer())
        return Dependency("it", ResilienceSettings(**switches), instruments, CircuitLimits(3, OPEN_FOR))

    return create


def count(registry, name, **labels):
    return registry.get_sample_value(name, {"dependency": "it", **labels})


async def fail(dependency, server, times, error=None):
    server.error = error or DependencyUnavailable("it")
    for _ in range(times):
        with pytest.raises(type(server.error)):
            await dependency.call(server, repeat=False)


def test_a_dependency_that_keeps_failing_is_left_alone_and_then_probed_once(dependency, server, registry, clock):
    async def story():
        it = dependency()
        await fail(it, server, 3)
        assert it.is_open()
        assert count(registry, "app_circuit_breaker_open") == 1
        with pytest.raises(CircuitOpen):
            await it.call(server, repeat=False)
        assert server.calls == 3
        clock.now += 1.5 * OPEN_FOR.total_seconds()
        # Its pause is over, and nobody knows yet whether the dependency is.
        assert count(registry, "app_circuit_breaker_open") == 1
        gate = asyncio.Event()

        async def slow():
            await gate.wait()
            return "well again"

        probe = asyncio.create_task(it.call(slow, repeat=False))
        await asyncio.sleep(0)
        with pytest.raises(CircuitOpen):
            await it.call(server, repeat=False)
        assert count(registry, "app_circuit_breaker_open") == 1
        gate.set()
        assert await probe == "well again"
        assert count(registry, "app_circuit_breaker_open") == 0
        server.error = None
        assert await it.call(server, repeat=False) == "well"

    asyncio.run(story())
    assert count(registry, "app_circuit_breaker_openings_total") == 1
    assert count(registry, "app_dependency_calls_total", result="circuit_open") == 2
    assert count(registry, "app_dependency_calls_total", result="error") == 3
    assert count(registry, "app_dependency_calls_total", result="ok") == 2


def test_a_failed_probe_opens_the_circuit_again(dependency, server, clock):
    async def story():
        it = dependency()
        await fail(it, server, 3)
        clock.now += 1.5 * OPEN_FOR.total_seconds()
        await fail(it, server, 1)
        assert it.is_open()

    asyncio.run(story())
    assert server.calls == 4


def test_switched_off_a_failing_dependency_is_asked_each_time(dependency, server):
    asyncio.run(fail(dependency(circuit_breaker=False), server, 20))
    assert server.calls == 20


@pytest.mark.parametrize("error", [Conflict("out-of-stock", "none left"), Overloaded("it")])
def test_a_refusal_and_a_shed_call_open_no_circuit(dependency, server, error):
    asyncio.run(fail(dependency(), server, 20, error))
    assert server.calls == 20


async def give_up(dependency, times):
    """Call it as often, and wait for no answer."""

    async def silent():
        await asyncio.Event().wait()

    for _ in range(times):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await dependency.call(silent, repeat=False)


def test_calls_that_their_callers_gave_up_open_no_circuit(dependency, server, registry):
    async def story():
        it = dependency()
        await give_up(it, 20)
        return await it.call(server, repeat=False)

    assert asyncio.run(story()) == "well"
    assert count(registry, "app_circuit_breaker_openings_total") == 0


def test_a_call_that_was_given_up_hides_no_failure_and_closes_no_circuit(dependency, server, registry, clock):
    async def story():
        it = dependency()
        await fail(it, server, 2)
        await give_up(it, 1)
        await fail(it, server, 1)
        assert it.is_open()
        clock.now += 1.5 * OPEN_FOR.total_seconds()
        await give_up(it, 1)
        assert count(registry, "app_circuit_breaker_open") == 1
        # Nor does it keep the next one from probing.
        server.error = None
        assert await it.call(server, repeat=False) == "well"

    asyncio.run(story())
    assert count(registry, "app_circuit_breaker_open") == 0


def test_one_node_that_fails_costs_the_others_nothing(dependency, server):
    async def story():
        it = dependency()
        server.error = DependencyUnavailable("it")
        for _ in range(3):
            with pytest.raises(DependencyUnavailable):
                await it.call(server, repeat=False, node="a")
        server.error = None
        assert (it.is_open("a"), it.is_open("b")) == (True, False)
        return await it.call(server, repeat=False, node="b")

    assert asyncio.run(story()) == "well"


def test_the_circuit_of_a_node_that_is_asked_no_more_does_not_count_as_open(server, registry):
    async def story():
        instruments, asked = Instruments.create(registry, NoOpTracer()), {"a"}
        it = Dependency("it", ResilienceSettings(), instruments, CircuitLimits(1, OPEN_FOR), asked.__contains__)
        server.error = DependencyUnavailable("it")
        with pytest.raises(DependencyUnavailable):
            await it.call(server, repeat=False, node="a")
        assert count(registry, "app_circuit_breaker_open") == 1
        asked.clear()

    asyncio.run(story())
    assert count(registry, "app_circuit_breaker_open") == 0


@pytest.mark.parametrize(
    ("error", "repeat", "retries", "calls"),
    [
        (Transient("it"), True, True, 3),
        (Transient("it"), True, False, 1),
        (Transient("it"), False, True, 1),
        # It has had its time: waiting as long again helps nobody.
        (DependencyUnavailable("it"), True, True, 1),
        (Overloaded("it"), True, True, 1),
        (Conflict("out-of-stock", "none left"), True, True, 1),
    ],
)
def test_only_what_failed_at_once_and_may_be_repeated_is_repeated(dependency, server, error, repeat, retries, calls):
    async def story():
        server.error = error
        with pytest.raises(type(error)):
            await dependency(retries=retries, circuit_breaker=False).call(server, repeat=repeat)

    asyncio.run(story())
    assert server.calls == calls


def test_an_outage_is_not_made_worse_by_more_than_the_budget(dependency, server, registry):
    async def story():
        it = dependency(circuit_breaker=False)
        server.error = Transient("it")
        for _ in range(100):
            with pytest.raises(Transient):
                await it.call(server, repeat=True)

    asyncio.run(story())
    # Ten repetitions in all, instead of two hundred.
    assert server.calls <= 110
    assert count(registry, "app_retries_total", result="made") <= 10
    assert count(registry, "app_retries_total", result="over_budget") >= 90


def test_ten_successes_earn_one_repetition():
    budget = RetryBudget()
    while budget.take():
        pass
    for _ in range(9):
        budget.succeeded()
    assert not budget.take()
    for _ in range(2):
        budget.succeeded()
    assert budget.take()
    assert not budget.take()
