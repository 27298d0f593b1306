"""Which module judges which claim, by the claim's id."""

from chaos.judge.claims import absorb, capacity, scaling, tiers
from chaos.judge.claims.judge import Reader

READERS: dict[str, Reader] = {
    "absorb": absorb,
    "capacity": capacity,
    "scaling": scaling,
    "tiers": tiers,
}
"""Each claim's id with the module that makes measures of its recording."""
