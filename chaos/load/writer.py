"""Writes what the users do and see: `load.ndjson`, and the ledgers `orders.ndjson` and `sessions.ndjson`."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from chaos.facts.files import LEDGER_FILE, LOAD_FILE, SESSIONS_FILE

Json: TypeAlias = str | float | bool | Mapping[str, "Json"] | None


class FactFile:
    """An append-only NDJSON file; FileExistsError if there is one: a run has one load.

    A line is in the kernel's hands, in one piece, when `write` returns. It outlives this process however
    that ends, SIGKILL included; it does not outlive the machine, as nothing is fsynced. A machine that dies
    takes the whole local stack along, and with it what the ledger could be compared with.
    """

    def __init__(self, path: Path) -> None:
        self.lines = 0
        """Written so far."""
        self._file_descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def write(self, fact: Mapping[str, Json]) -> None:
        line = json.dumps(fact, separators=(",", ":")).encode() + b"\n"
        if os.write(self._file_descriptor, line) != len(line):
            raise OSError("a fact was written in part only: no space left?")
        self.lines += 1


class LoadFacts:
    """All facts of one load, in seconds since the run's origin."""

    def __init__(self, run_dir: Path, origin: float, *, ledgers: bool = True) -> None:
        self._origin = origin
        self._load = FactFile(run_dir / LOAD_FILE)
        self._files = {LOAD_FILE: self._load}
        if ledgers:  # a load without them writes to none
            self._ledger = self._files[LEDGER_FILE] = FactFile(run_dir / LEDGER_FILE)
            self._sessions = self._files[SESSIONS_FILE] = FactFile(run_dir / SESSIONS_FILE)
        self._started = 0
        self._finished = 0

    def start(self, settings: Mapping[str, Json]) -> None:
        wall = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._load.write({"start": self.now(), "wall": wall, "pid": os.getpid(), "settings": settings})

    def now(self) -> float:
        return self.at(time.monotonic())

    def at(self, monotonic: float) -> float:
        return round(monotonic - self._origin, 6)

    def request_started(self) -> None:
        self._started += 1

    def request(self, began: float, name: str, status: int | None, error: str | None, served_by: str | None) -> None:
        """A request is over; `began` is its start on the monotonic clock, and no error means that it is ok."""
        self._finished += 1
        fact: dict[str, Json] = {"at": self.at(began), "took": round(time.monotonic() - began, 6), "name": name}
        fact |= {"status": status, "ok": error is None, "error": error, "served_by": served_by}
        self._load.write(fact)

    def tick(self, due: float, users: int) -> None:
        """Close the second that ended at `due` on the monotonic clock."""
        lag = round(time.monotonic() - due, 6)
        counts = {"users": users, "started": self._started, "finished": self._finished}
        self._started = self._finished = 0
        self._load.write({"tick": self.at(due)} | counts | {"lag": lag})

    def end(self, reason: str) -> None:
        # A line that is lost later is missed.
        wrote: dict[str, Json] = {name: file.lines for name, file in self._files.items()}
        self._load.write({"end": reason, "at": self.now(), "wrote": wrote})

    def order_sent(self, key: str, sku: str, quantity: int) -> None:
        """Before the request leaves: an order the system may know must never be missing here."""
        self._ledger.write({"at": self.now(), "key": key, "sku": sku, "quantity": quantity, "state": "sent"})

    def order_acknowledged(self, key: str, order_id: str | None) -> None:
        self._ledger.write({"at": self.now(), "key": key, "state": "acknowledged", "id": order_id})

    def order_refused(self, key: str) -> None:
        self._ledger.write({"at": self.now(), "key": key, "state": "refused"})

    def order_read(self, key: str, shown: bool) -> None:
        """An order that was acknowledged was asked for, and was there or not."""
        self._ledger.write({"at": self.now(), "key": key, "shown": shown})

    def session_sent(self, key: str) -> None:
        """Before the request for a session leaves."""
        self._sessions.write({"at": self.now(), "session": key, "state": "sent"})

    def session_acknowledged(self, key: str, token: str, user_id: str, lifetime: float | None) -> None:
        """`lifetime`: for how many seconds after its last use the shop keeps it; None if it does not say."""
        self._session(key, {"state": "acknowledged", "token": token, "user_id": user_id, "lifetime": lifetime})

    def session_refused(self, key: str) -> None:
        self._session(key, {"state": "refused"})

    def cart_write_sent(self, key: str, number: int, sku: str, quantity: int) -> None:
        """Before the request leaves; writes are numbered within their session."""
        self._session(key, {"write": number, "sku": sku, "quantity": quantity, "state": "sent"})

    def cart_write_told(self, key: str, number: int, state: str) -> None:
        """The user was told that the write is `acknowledged` or `refused`."""
        self._session(key, {"write": number, "state": state})

    def session_seen(
        self, key: str, gone: bool, user_id: str | None = None, items: Mapping[str, Json] | None = None
    ) -> None:
        """The shop showed the session, the cart, or that there is none."""
        self._session(key, {"gone": gone, "user_id": user_id, "items": items})

    def _session(self, key: str, fact: Mapping[str, Json]) -> None:
        self._sessions.write({"at": self.now(), "session": key, **fact})
