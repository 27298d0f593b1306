"""The pager's calls: one for Alertmanager, two for whoever wants to know what arrived."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ValidationError

from services.kit.http.body import BodyTooLarge
from services.kit.problems import NotFound, Problem, responses
from services.pager.deadman import RECEIVER
from services.pager.delivery import Arrival, Delivery, Message
from services.pager.inbox import Inbox

router = APIRouter()
_VERSION = "4"


class InvalidPayload(Problem):
    """The body is not a webhook message."""

    status = 400


class StorageFailed(Problem):
    """The delivery is not on disk, so it must not count as delivered."""

    status = 500


class Receipt(BaseModel):
    """The answer to an accepted delivery."""

    seq: int


class DeliveriesBody(BaseModel):
    """Deliveries, oldest first."""

    deliveries: list[Delivery]
    last_seq: int
    boottime: float
    """CLOCK_BOOTTIME of this machine now, which deliveries' arrivals count by."""


class DeadmanBody(BaseModel):
    """How the dead-man's switch stands."""

    receiver: str
    last_seen: float | None
    age_seconds: float | None
    alive: bool


async def _inbox(request: Request) -> Inbox:
    inbox: Inbox = request.app.state.inbox
    return inbox


TheInbox = Annotated[Inbox, Depends(_inbox)]


@router.post("/receivers/{receiver}", responses=responses(400, 404, 413, 500))
async def deliver(receiver: str, request: Request, inbox: TheInbox) -> Receipt:
    """Take a webhook message of Alertmanager; 200 means that it is on disk."""
    arrival = Arrival.now()
    if receiver not in request.app.state.receivers:
        # Counted and not kept: anybody may call with any name, and the journal is for what was meant for somebody.
        inbox.refuse_unknown()
        raise NotFound("unknown-receiver", f"there is no receiver {receiver}")
    # Read as bytes, not as a parameter: what is invalid is kept too, as refused.
    try:
        message, refusal = _parse(await request.body())
    except BodyTooLarge:
        await inbox.take(arrival, receiver, None, "invalid payload: too large")
        raise
    delivery = await inbox.take(arrival, receiver, message, refusal)
    if refusal is not None:
        raise InvalidPayload("invalid-payload", refusal)
    if not delivery.accepted:
        raise StorageFailed("storage-failed", str(delivery.reason))
    return Receipt(seq=delivery.seq)


@router.get("/deliveries", responses=responses(422))
async def read_deliveries(inbox: TheInbox, after: Annotated[int, Query(ge=0)] = 0) -> DeliveriesBody:
    """Show what arrived after a number, refused deliveries included."""
    return DeliveriesBody(deliveries=inbox.after(after), last_seq=inbox.last_seq, boottime=Arrival.now().boottime)


@router.get("/deadman")
async def read_deadman(inbox: TheInbox) -> DeadmanBody:
    """Say whether Watchdog still arrives."""
    return DeadmanBody(receiver=RECEIVER, **asdict(inbox.deadman.read()))


def _parse(body: bytes) -> tuple[Message | None, str | None]:
    try:
        message = Message.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        return None, f"invalid payload: {place}: {first['msg']}"
    if message.version != _VERSION:
        return message, f"invalid payload: version {message.version!r} is not {_VERSION!r}"
    return message, None
