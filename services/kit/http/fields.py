"""The values that cross service boundaries, and what they may look like."""

from typing import Annotated

from pydantic import BeforeValidator, Field


def _no_lookalike(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("a number is wanted")
    return value


# Patterns also keep out what Postgres cannot store, such as the character NUL.
Sku = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$", examples=["sku-0001"])]
# As JSON Schema has it, 2.0 is an integer and "2" is not; pydantic's strict mode refuses both, its lax mode neither.
Quantity = Annotated[int, Field(ge=1, le=100), BeforeValidator(_no_lookalike)]
IdempotencyKey = Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]
