"""The shop's public calls."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel

from services.kit.fields import IdempotencyKey, Quantity, Sku
from services.kit.problems import responses
from services.shop import backoffice_routes, product_routes
from services.shop.orders import Order, Orders

router = APIRouter()
# Their routes themselves, not the routers: included, a router's routes are looked up twice, and the
# metrics do not see them.
for _part in (product_routes, backoffice_routes):
    router.routes.extend(_part.router.routes)


class OrderRequest(BaseModel):
    """What a client wants to buy."""

    sku: Sku
    quantity: Quantity


class OrderBody(BaseModel):
    """An order as clients see it."""

    id: UUID
    sku: Sku
    quantity: Quantity
    status: str
    idempotency_key: str
    created_at: datetime

    @classmethod
    def of(cls, order: Order) -> Self:
        """Show an order."""
        return cls(
            id=order.id,
            sku=order.sku,
            quantity=order.quantity,
            status=order.status,
            idempotency_key=order.idempotency_key,
            created_at=order.created_at,
        )


class OrdersBody(BaseModel):
    """The orders found."""

    orders: list[OrderBody]


async def _orders(request: Request) -> Orders:
    orders: Orders = request.app.state.orders
    return orders


TheOrders = Annotated[Orders, Depends(_orders)]


@router.post("/orders", status_code=201, responses=responses(409, 422, 503))
async def place_order(
    order: OrderRequest,
    idempotency_key: Annotated[IdempotencyKey, Header()],
    orders: TheOrders,
    response: Response,
) -> OrderBody:
    """Place an order, once for each Idempotency-Key."""
    placed = await orders.place(idempotency_key, order.sku, order.quantity)
    response.headers["location"] = f"/orders/{placed.id}"
    return OrderBody.of(placed)


@router.get("/orders/{order_id}", responses=responses(404, 422, 503))
async def read_order(order_id: UUID, orders: TheOrders) -> OrderBody:
    """Show an order."""
    return OrderBody.of(await orders.read(order_id))


@router.get("/orders", responses=responses(422, 503))
async def find_orders(idempotency_key: Annotated[IdempotencyKey, Query()], orders: TheOrders) -> OrdersBody:
    """Find what became of an order whose answer got lost."""
    found = await orders.find_by_key(idempotency_key)
    return OrdersBody(orders=[OrderBody.of(order) for order in found])
