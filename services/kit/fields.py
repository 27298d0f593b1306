"""The values that cross service boundaries, and what they may look like."""

from typing import Annotated

from pydantic import Field

# Patterns also keep out what Postgres cannot store, such as the character NUL.
Sku = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$", examples=["sku-0001"])]
Quantity = Annotated[int, Field(ge=1, le=100)]
IdempotencyKey = Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]
