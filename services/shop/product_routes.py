"""Calls about products."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from services.kit.fields import Sku
from services.kit.problems import responses
from services.shop.products import Products

router = APIRouter()


class ProductBody(BaseModel):
    """A product as clients see it."""

    sku: Sku
    name: str
    price_cents: int


async def _products(request: Request) -> Products:
    products: Products = request.app.state.products
    return products


TheProducts = Annotated[Products, Depends(_products)]


@router.get("/products/{sku}", response_model=ProductBody, responses=responses(404, 422, 503))
async def read_product(sku: Sku, products: TheProducts) -> Response:
    """Show a product, as old as the cache allows."""
    # The bytes of the cache as they are: parsing them only to write them again would cost more
    # than the look-up.
    return Response(await products.read(sku), media_type="application/json")
