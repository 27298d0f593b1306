"""Which module judges which claim, by the claim's id."""

from chaos.judge.claims import pooling, smaller, waits
from chaos.judge.claims.judge import Reader

READERS: dict[str, Reader] = {
    "smaller": smaller,
    "waits": waits,
    "pooling": pooling,
}
"""Each claim's id with the module that makes measures of its recording."""
