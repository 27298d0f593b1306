"""What can be done from a page: each verb with what it needs, done at the round's table and nowhere else."""

from collections.abc import Callable
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from chaos.console.settings import HOST
from chaos.errors import GameRefused
from chaos.gameday.table import Table

MOST_FACTS = 5_000
"""Of a round; a long one with a room of people has some hundreds."""
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=40)]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=2000)]
Word: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
Number: TypeAlias = Annotated[int, Meta(ge=1, le=10_000_000)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=3600)]


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    who: Name


class Join(_Body, frozen=True):
    """Come to the table."""

    role: Word


class OfPage(_Body, frozen=True):
    """About a page."""

    page: Number


class Claim(_Body, frozen=True):
    """A diagnosis."""

    component: Word
    family: Word
    confidence: Share


class Note(_Body, frozen=True):
    """Something to be written down."""

    text: Text


class Answer(_Body, frozen=True):
    """To somebody from outside."""

    inject: Number
    text: Text


class Action(_Body, frozen=True):
    """Something to be done to the system."""

    action: Word


class Steer(_Body, frozen=True):
    """The host's."""

    how: Word
    seconds: Seconds = 0.0


class Only(_Body, frozen=True):
    """What needs no more than who wants it."""


AnyBody: TypeAlias = Join | OfPage | Claim | Note | Answer | Action | Steer | Only

BODIES: dict[str, type[AnyBody]] = {
    "join": Join,
    "acknowledge": OfPage,
    "runbook": OfPage,
    "claim": Claim,
    "note": Note,
    "answer": Answer,
    "act": Action,
    "hint": Only,
    "over": Only,
    "truth": Only,
    "steer": Steer,
}
"""Every verb, and what is sent with it."""


def read(verb: str, content: bytes) -> AnyBody:
    """What was sent. Raises GameRefused."""
    try:
        return msgspec.json.decode(content, type=BODIES[verb])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise GameRefused(f"{verb}: {error}") from error


def do(table: Table, verb: str, body: AnyBody, books: Callable[[str], str], role: str) -> str:
    """Have it done at this table; what is to be shown to who asked, else empty. Raises GameRefused, InvalidFile.

    `role`: as what he was let in.
    """
    # Everybody reads all of it again and again; the host can end it all the same.
    if not isinstance(body, Steer) and len(table.facts) >= MOST_FACTS:
        raise GameRefused(f"{MOST_FACTS} things were said and done; what is left is for the host to steer")
    match body:
        case Join():
            table.join(body.who, body.role)
        case OfPage() if verb == "runbook":
            return books(table.open_runbook(body.who, body.page))
        case OfPage():
            table.acknowledge(body.who, body.page)
        case Claim():
            table.claim(body.who, body.component, body.family, body.confidence)
        case Note():
            table.note(body.who, body.text)
        case Answer():
            table.answer(body.who, body.inject, body.text)
        case Action():
            table.ask(body.who, body.action)
        case Steer():
            table.steer(body.who, body.how, body.seconds, leads=role == HOST)
        case Only():
            return _alone(table, verb, body.who)
    return ""


def _alone(table: Table, verb: str, who: str) -> str:
    if verb == "truth":
        return table.show_truth(who)
    (table.hint if verb == "hint" else table.declare)(who)
    return ""
