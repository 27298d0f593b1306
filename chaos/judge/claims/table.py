"""Which module judges which claim, by the claim's id."""

from chaos.judge.claims import absorb, cached_rate, capacity, connections, pooling, scaling, smaller, tiers, waits
from chaos.judge.claims.judge import Reader

READERS: dict[str, Reader] = {
    "cached-rate": cached_rate,
    "connections": connections,
    "smaller": smaller,
    "waits": waits,
    "pooling": pooling,
    "tiers": tiers,
    "scaling": scaling,
    "absorb": absorb,
    "capacity": capacity,
}
"""Each claim's id with the module that makes measures of its recording."""
