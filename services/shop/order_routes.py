"""Calls about orders, for users with a session and for guests."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from services.kit.http.fields import IdempotencyKey, Quantity, Sku
from services.kit.problems import responses
from services.shop.order_book import Intent, Order
from services.shop.orders import Orders
from services.shop.session_routes import OR_AS_GUEST, SessionOrGuest, keep_private
from services.shop.sessions import Session, no_session

router = APIRouter(dependencies=[Depends(keep_private)])


class OrderRequest(BaseModel):
    """What a client wants to buy."""

    model_config = ConfigDict(extra="forbid")

    sku: Sku
    quantity: Quantity


class OrderBody(BaseModel):
    """An order as clients see it."""

    id: UUID
    sku: Sku
    quantity: Quantity
    status: Literal["confirmed"]
    idempotency_key: str
    created_at: datetime

    @classmethod
    def of(cls, order: Order) -> Self:
        """Show an order."""
        return cls(
            id=order.id,
            sku=order.sku,
            quantity=order.quantity,
            status="confirmed",
            idempotency_key=order.idempotency_key,
            created_at=order.created_at,
        )


class OrdersBody(BaseModel):
    """A page of orders."""

    orders: list[OrderBody]
    next_cursor: UUID | None
    """Where the next page begins; null on the last one."""


async def _orders(request: Request) -> Orders:
    orders: Orders = request.app.state.orders
    return orders


TheOrders = Annotated[Orders, Depends(_orders)]
_LOCATION: dict[int | str, dict[str, Any]] = {
    201: {"headers": {"Location": {"schema": {"type": "string"}, "description": "The order."}}}
}


@router.post("/orders", status_code=201, responses=responses(401, 409, 422, 503) | _LOCATION, openapi_extra=OR_AS_GUEST)
async def place_order(
    order: OrderRequest,
    idempotency_key: Annotated[IdempotencyKey, Header()],
    session: SessionOrGuest,
    orders: TheOrders,
    response: Response,
) -> OrderBody:
    """Place an order, once for each Idempotency-Key: the user's who has a session, else a guest's.

    The same key with the same body gets the same answer; with another body, 409. Each user has keys of his own. Guests
    have theirs in common, so that a guest's key must be hard to guess, such as a UUID; one shorter than 32 is 401.
    After a 503 the same request may be sent again, and nothing is doubled.
    """
    placed = await orders.place(Intent(idempotency_key, _user_id(session), order.sku, order.quantity))
    response.headers["location"] = f"/orders/{placed.id}"
    return OrderBody.of(placed)


@router.get("/orders/{order_id}", responses=responses(401, 404, 422, 503), openapi_extra=OR_AS_GUEST)
async def read_order(order_id: UUID, session: SessionOrGuest, orders: TheOrders) -> OrderBody:
    """Show an order of the user's or of a guest."""
    return OrderBody.of(await orders.read(order_id, _user_id(session)))


@router.get("/orders", responses=responses(401, 404, 422, 503), openapi_extra=OR_AS_GUEST)
async def list_orders(
    session: SessionOrGuest,
    orders: TheOrders,
    cursor: Annotated[UUID | None, Query(description="From `next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    idempotency_key: Annotated[
        IdempotencyKey | None,
        Query(description="Find only what was placed under this key; then there is one page, and no cursor."),
    ] = None,
) -> OrdersBody:
    """Show the user's orders, newest first; or, also to a guest, what became of a lost answer's order."""
    if idempotency_key is not None:
        found = await orders.find_by_key(idempotency_key, _user_id(session))
        return OrdersBody(orders=[OrderBody.of(order) for order in found], next_cursor=None)
    if session is None:
        raise no_session()
    page, next_cursor = await orders.newest(session.user_id, cursor, limit)
    return OrdersBody(orders=[OrderBody.of(order) for order in page], next_cursor=next_cursor)


def _user_id(session: Session | None) -> UUID | None:
    return None if session is None else session.user_id
