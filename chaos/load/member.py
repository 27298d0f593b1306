"""A user with a session: logs in, fills a cart, looks at both again; every step is in the ledger of sessions."""

import random
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from chaos.facts.ledger import means_refused
from chaos.load.answer import Answer
from chaos.load.body import cart_items, user_id
from chaos.load.writer import Json, LoadFacts
from chaos.spec.mix import CART_SKUS, COOKIE, PUT_ITEM, READ_CART, READ_SESSION, SKUS, USES_A_SESSION


class Send(Protocol):
    """Sends one request of the user and records it."""

    def __call__(
        self,
        method: str,
        path: str,
        name: str,
        headers: dict[str, str] | None = None,
        body: Mapping[str, Json] | None = None,
    ) -> Answer: ...


class Member:
    """Uses one session after the other; the cookie goes with requests about session and cart only.

    With it an order would be the user's, and would need Redis too.
    """

    def __init__(self, send: Send, facts: LoadFacts) -> None:
        self._send = send
        self._facts = facts
        # Of the session in use; None: log in first.
        self._key: str | None = None
        self._token = ""
        self._uses = 0
        self._writes = 0
        self._skus: list[str] = []
        self._quantities: Counter[str] = Counter()

    def use(self) -> None:
        """Do one thing with the session: one request."""
        if self._key is None or self._uses >= USES_A_SESSION:
            self._log_in()
            return
        self._uses += 1
        steps = (self._put_item, self._read_cart, self._read_session)
        [step] = random.choices(steps, (PUT_ITEM, READ_CART, READ_SESSION))
        step(self._key)

    def _log_in(self) -> None:
        key = str(uuid.uuid4())
        self._key, self._uses, self._writes = None, 0, 0
        self._skus, self._quantities = random.sample(SKUS, CART_SKUS), Counter()
        self._facts.session_sent(key)
        answer = self._send("POST", "/sessions", "POST /sessions")
        whose = user_id(answer.body)
        if answer.status == 201 and answer.cookie and whose:
            self._facts.session_acknowledged(key, answer.cookie, whose, answer.max_age)
            self._key, self._token = key, answer.cookie
        elif means_refused(answer.status):
            self._facts.session_refused(key)

    def _put_item(self, key: str) -> None:
        sku = random.choice(self._skus)
        # One more each time: what is shown later then says which of the writes it knows.
        self._quantities[sku] += 1
        self._writes += 1
        write, quantity = self._writes, self._quantities[sku]
        self._facts.cart_write_sent(key, write, sku, quantity)
        body = {"quantity": quantity}
        answer = self._send("PUT", f"/cart/items/{sku}", "PUT /cart/items/{sku}", self._cookie(), body)
        if answer.status == 200:
            self._facts.cart_write_told(key, write, "acknowledged")
        elif means_refused(answer.status):
            self._facts.cart_write_told(key, write, "refused")
        self._note_if_gone(key, answer)

    def _read_cart(self, key: str) -> None:
        answer = self._send("GET", "/cart", "GET /cart", self._cookie())
        items = cart_items(answer.body)
        if answer.status == 200 and items is not None:
            self._facts.session_seen(key, gone=False, items=items)
        self._note_if_gone(key, answer)

    def _read_session(self, key: str) -> None:
        answer = self._send("GET", "/sessions/me", "GET /sessions/me", self._cookie())
        whose = user_id(answer.body)
        if answer.status == 200 and whose is not None:
            self._facts.session_seen(key, gone=False, user_id=whose)
        self._note_if_gone(key, answer)

    def _note_if_gone(self, key: str, answer: Answer) -> None:
        if answer.status == 401:
            self._facts.session_seen(key, gone=True)
            self._key = None

    def _cookie(self) -> dict[str, str]:
        return {"Cookie": f"{COOKIE}={self._token}"}
