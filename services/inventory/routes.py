"""Inventory's calls, for other services."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel

from services.inventory.stock import Stock
from services.kit.fields import IdempotencyKey, Quantity, Sku
from services.kit.problems import responses

router = APIRouter()


class ReservationRequest(BaseModel):
    """What is to be set aside."""

    sku: Sku
    quantity: Quantity


class ReservationBody(BaseModel):
    """A reservation as other services see it."""

    id: UUID
    sku: Sku
    quantity: Quantity


class StockBody(BaseModel):
    """How much there is."""

    sku: Sku
    available: int


async def _stock(request: Request) -> Stock:
    stock: Stock = request.app.state.stock
    return stock


TheStock = Annotated[Stock, Depends(_stock)]


@router.post("/reservations", status_code=201, responses=responses(409, 422, 503))
async def reserve(
    reservation: ReservationRequest,
    idempotency_key: Annotated[IdempotencyKey, Header()],
    stock: TheStock,
) -> ReservationBody:
    """Set stock aside, once for each Idempotency-Key."""
    made = await stock.reserve(idempotency_key, reservation.sku, reservation.quantity)
    return ReservationBody(id=made.id, sku=made.sku, quantity=made.quantity)


@router.get("/stock/{sku}", responses=responses(404, 422, 503))
async def read_stock(sku: Sku, stock: TheStock) -> StockBody:
    """Say how much of a product is not reserved."""
    return StockBody(sku=sku, available=await stock.available(sku))
