"""Which function measures which claim, by the claim's id."""

from collections.abc import Callable

from chaos.claims import absorb, cached_rate, capacity, connections, pooling, scaling, smaller, tiers, waits
from chaos.claims.bench import Bench

Measuring = Callable[[Bench], None]
"""Writes facts; raises ChaosError where they cannot be had, which makes the claim inconclusive."""

MEASURING: dict[str, Measuring] = {
    "cached-rate": cached_rate.measure,
    "connections": connections.measure,
    "smaller": smaller.measure,
    "waits": waits.measure,
    "pooling": pooling.measure,
    "tiers": tiers.measure,
    "scaling": scaling.measure,
    "absorb": absorb.measure,
    "capacity": capacity.measure,
}
