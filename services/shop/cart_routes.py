"""Calls about the cart of a session."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict

from services.kit.http.fields import Quantity, Sku
from services.kit.problems import responses
from services.shop.cart import MOST_ITEMS, Carts
from services.shop.session_routes import TheToken, keep_private

router = APIRouter(dependencies=[Depends(keep_private)])


class CartItemRequest(BaseModel):
    """How many of a product are to be in the cart."""

    model_config = ConfigDict(extra="forbid")

    quantity: Quantity


class CartItemBody(BaseModel):
    """A product in the cart."""

    sku: Sku
    quantity: Quantity


class CartBody(BaseModel):
    """The cart, ordered by sku."""

    items: list[CartItemBody]


async def _carts(request: Request) -> Carts:
    carts: Carts = request.app.state.carts
    return carts


TheCarts = Annotated[Carts, Depends(_carts)]


@router.get("/cart", responses=responses(401, 503))
async def read_cart(token: TheToken, carts: TheCarts) -> CartBody:
    """Show the cart."""
    items = await carts.read(token)
    return CartBody(items=[CartItemBody(sku=sku, quantity=items[sku]) for sku in sorted(items)])


@router.put(
    "/cart/items/{sku}",
    responses=responses(401, 409, 422, 503),
    description=(
        "Have so many of a product in the cart, whatever was there before. Whether the product exists is not looked "
        f"up: an order says that. A cart holds at most {MOST_ITEMS} different products; one more gets 409."
    ),
)
async def put_item(sku: Sku, item: CartItemRequest, token: TheToken, carts: TheCarts) -> CartItemBody:
    await carts.put(token, sku, item.quantity)
    return CartItemBody(sku=sku, quantity=item.quantity)


@router.delete("/cart/items/{sku}", status_code=204, response_class=Response, responses=responses(401, 422, 503))
async def remove_item(sku: Sku, token: TheToken, carts: TheCarts) -> None:
    """Have none of a product in the cart, whether or not there was any."""
    await carts.remove(token, sku)
