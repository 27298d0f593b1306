"""Inventory's calls, for other services."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.inventory.reservations import Reservations
from services.inventory.stock import Stock
from services.kit.http.fields import Quantity, Sku
from services.kit.problems import responses

router = APIRouter()


class ReservationRequest(BaseModel):
    """What is to be set aside."""

    model_config = ConfigDict(extra="forbid")

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


class StocksBody(BaseModel):
    """How much there is of each of those asked for that are stocked."""

    stock: list[StockBody]


class StockQuery(BaseModel):
    """Which products."""

    model_config = ConfigDict(extra="forbid")

    # As many as fit into a request line of 4 KiB, whatever their length.
    sku: list[Sku] = Field(min_length=1, max_length=50)


async def _stock(request: Request) -> Stock:
    stock: Stock = request.app.state.stock
    return stock


async def _reservations(request: Request) -> Reservations:
    reservations: Reservations = request.app.state.reservations
    return reservations


TheStock = Annotated[Stock, Depends(_stock)]
TheReservations = Annotated[Reservations, Depends(_reservations)]


@router.post("/reservations", status_code=201, responses=responses(409, 422, 503))
async def reserve(
    reservation: ReservationRequest,
    idempotency_key: Annotated[UUID, Header()],
    reservations: TheReservations,
) -> ReservationBody:
    """Set stock aside, once for each Idempotency-Key; a key that was refused or released stays so."""
    await reservations.reserve(idempotency_key, reservation.sku, reservation.quantity)
    return ReservationBody(id=idempotency_key, sku=reservation.sku, quantity=reservation.quantity)


@router.delete("/reservations/{key}", status_code=204, response_class=Response, responses=responses(422, 503))
async def release(key: UUID, reservations: TheReservations) -> None:
    """Give the stock back; the key can then never reserve. Repeating it changes nothing."""
    await reservations.release(key)


@router.get("/stock", responses=responses(422, 503))
async def read_stocks(query: Annotated[StockQuery, Query()], stock: TheStock) -> StocksBody:
    """Say how much of several products is not reserved; what is not stocked is left out."""
    levels = await stock.all_available(query.sku)
    return StocksBody(stock=[StockBody(sku=sku, available=available) for sku, available in levels])


@router.get("/stock/{sku}", responses=responses(404, 422, 503))
async def read_stock(sku: Sku, stock: TheStock) -> StockBody:
    """Say how much of a product is not reserved."""
    return StockBody(sku=sku, available=await stock.available(sku))
