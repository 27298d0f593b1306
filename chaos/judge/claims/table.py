"""Which module judges which claim, by the claim's id."""

from chaos.judge.claims import cached_rate, connections, pooling, smaller, waits
from chaos.judge.claims.judge import Reader

READERS: dict[str, Reader] = {
    "cached-rate": cached_rate,
    "connections": connections,
    "smaller": smaller,
    "waits": waits,
    "pooling": pooling,
}
"""Each claim's id with the module that makes measures of its recording."""
