"""Which module judges which claim, by the claim's id."""

from chaos.judge.claims import absorb, capacity, pooling, scaling, smaller, tiers, waits
from chaos.judge.claims.judge import Reader

READERS: dict[str, Reader] = {
    "smaller": smaller,
    "waits": waits,
    "pooling": pooling,
    "tiers": tiers,
    "scaling": scaling,
    "absorb": absorb,
    "capacity": capacity,
}
"""Each claim's id with the module that makes measures of its recording."""
