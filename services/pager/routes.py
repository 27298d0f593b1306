"""The pager's calls: two for Alertmanager, two for whoever wants to know what arrived."""

from dataclasses import asdict
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ValidationError

from services.kit.http.body import BodyTooLarge
from services.kit.problems import NotFound, Problem, responses
from services.pager import messages
from services.pager.deadman import RECEIVER
from services.pager.delivery import Arrival, Delivery, Message, Reading
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


# A receiver's name may have any character, a slash too: it is what was escaped in the path as it was sent.
@router.post("/receivers/{receiver:path}", responses=responses(400, 404, 413, 500))
async def deliver(receiver: str, request: Request, inbox: TheInbox) -> Receipt:
    """Take a webhook message of Alertmanager; 200 means that it is on disk."""
    arrival = Arrival.now()
    if not request.app.state.knows(receiver):
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


@router.api_route(
    "/messages/{receiver}/{kind}{rest:path}", methods=["POST", "PUT"], include_in_schema=False, response_model=None
)
async def deliver_message(receiver: str, kind: str, rest: str, request: Request, inbox: TheInbox) -> Response:
    """Take a message for people, such as one for Slack; a success means that it is on disk.

    The receiver's name is escaped twice, as Alertmanager puts some services' paths together anew.
    """
    arrival, name = Arrival.now(), unquote(receiver)
    if kind not in messages.KINDS:
        raise NotFound("unknown-kind", f"there are no messages of {kind}")
    reading: Reading | None = None
    refusal: str | None = None
    try:
        reading = messages.read(kind, rest, await request.body())
    except messages.Refused as refused:
        refusal = f"{kind} would refuse it: {refused}"
    if not request.app.state.knows(name):
        await inbox.take_message(arrival, name, kind, reading, "unknown receiver")
        raise NotFound("unknown-receiver", f"there is no receiver {name}")
    delivery = await inbox.take_message(arrival, name, kind, reading, refusal)
    if reading is None:
        raise InvalidPayload("invalid-payload", str(refusal))
    if not delivery.accepted:
        raise StorageFailed("storage-failed", str(delivery.reason))
    status, body = messages.answer(kind, reading, delivery.seq)
    if isinstance(body, dict):
        return JSONResponse(body, status)
    return PlainTextResponse(body or "", status) if body is not None else Response(status_code=status)


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
