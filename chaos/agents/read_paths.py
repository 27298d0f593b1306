"""What the users of traffic faults read."""

import random
import uuid

from chaos.spec.mix import POPULARITY, SKUS

_ABSENT = [f"sku-{number}" for number in range(9001, 9201)]
"""So few that each is asked for again while its absence is still believed."""


def path(reads: str) -> str:
    """The path of one read; chaos/spec/faults/traffic.py says what each word means."""
    match reads:
        case "orders":
            return f"/orders/{uuid.uuid4()}"
        case "absent":
            return f"/products/{random.choice(_ABSENT)}"
        case "pages":
            # From any product on; a cursor is the sku in hexadecimal.
            return f"/products?fields=name&cursor={random.choice(SKUS).encode().hex()}"
    [sku] = random.choices(SKUS, cum_weights=POPULARITY)
    return f"/products/{sku}"
