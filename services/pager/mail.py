"""Takes mail: Alertmanager's messages by SMTP, for whoever is told that way."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from urllib.parse import unquote

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.kit.settings import Address
from services.pager import messages
from services.pager.delivery import Arrival
from services.pager.inbox import Inbox

RECEIVER_HEADER = "X-Stormdrill-Receiver"
"""Says whose mail it is, escaped twice; drill time puts it there."""
_LARGEST_BYTES = 4 << 20


class Mailbox:
    """What the SMTP server asks of us: what to do with a mail."""

    def __init__(self, inbox: Inbox, known: Callable[[str], bool]) -> None:
        self._inbox = inbox
        self._known = known

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  (its name)
        """Keep a mail; 250 means that it is on disk."""
        arrival = Arrival.now()
        content = envelope.content
        mail = email.message_from_bytes(
            content if isinstance(content, bytes) else (content or "").encode(), policy=email.policy.default
        )
        assert isinstance(mail, EmailMessage)
        receiver = unquote(unquote(str(mail[RECEIVER_HEADER] or ""))).strip()
        reading = messages.of_mail(str(mail["Subject"] or ""), _text(mail))
        refusal = None if self._known(receiver) else "unknown receiver"
        delivery = await self._inbox.take_message(arrival, receiver, "email", reading, refusal)
        if refusal is not None:
            return f"550 5.1.1 there is no receiver {receiver!r}: {RECEIVER_HEADER} says whose mail it is"
        return "250 2.0.0 OK" if delivery.accepted else "451 4.3.0 it could not be kept; try again"


def _text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain", "html"))
    try:
        return str(part.get_content()) if part is not None else ""
    except (LookupError, UnicodeError, KeyError):
        return ""


@asynccontextmanager
async def taking_mail(address: Address | None, mailbox: Mailbox) -> AsyncIterator[None]:
    """Listen until the block ends; nowhere where there is no address. Raises OSError where that is taken."""
    if address is None:
        yield
        return
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(mailbox, hostname="pager", data_size_limit=_LARGEST_BYTES, enable_SMTPUTF8=True, loop=loop),
        address.host,
        address.port,
    )
    try:
        yield
    finally:
        # Waiting for it would be waiting for clients, from Python 3.12 on.
        server.close()
