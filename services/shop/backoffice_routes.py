"""The calls of the back office, on the instances' own ports: the load balancer refuses them from outside."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from services.kit.http.fields import Sku
from services.kit.problems import responses
from services.shop import product
from services.shop.product import Product
from services.shop.product_routes import ProductBody, TheProducts

router = APIRouter(include_in_schema=False)

# The largest integer of Postgres.
_MOST_CENTS = 2**31 - 1


class ProductRequest(BaseModel):
    """What a product is to be from now on."""

    model_config = ConfigDict(extra="forbid", strict=True)

    # Control characters are nothing to show, and NUL nothing Postgres can store.
    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
    price_cents: Annotated[int, Field(ge=0, le=_MOST_CENTS)]


@router.put("/backoffice/products/{sku}", response_model=ProductBody, responses=responses(422, 503) | {201: {}})
async def put_product(sku: Sku, wanted: ProductRequest, products: TheProducts) -> Response:
    """Create a product or change it; reads show it within the time to live, as a rule within a second."""
    new = Product(sku, wanted.name, wanted.price_cents)
    created = await products.put(new)
    return Response(product.encode(new), 201 if created else 200, media_type="application/json")
