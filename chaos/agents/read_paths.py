"""What the users of traffic faults read."""

import random
import uuid

from chaos.spec.mix import POPULARITY, SKUS


def path(reads: str) -> str:
    """The path of one read: `products`, by popularity; `orders`, one that does not exist, which no cache keeps."""
    if reads == "orders":
        return f"/orders/{uuid.uuid4()}"
    [sku] = random.choices(SKUS, cum_weights=POPULARITY)
    return f"/products/{sku}"
