"""A real, tiny shop that can be told to stall, fail, refuse, forget and hang up; and how a load is looked at."""

import asyncio
import contextlib
import json
import threading
import time
import uuid
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

from chaos.facts import samples
from chaos.facts.files import LEDGER_FILE, LOAD_FILE, SESSIONS_FILE
from chaos.facts.ledger import fold
from chaos.facts.sessions import SessionLedger
from chaos.facts.sessions import fold as fold_sessions
from chaos.spec.load import LoadSettings
from tests.ports import free_port

SETTINGS = LoadSettings(max_duration=timedelta(seconds=60))
SECOND = timedelta(seconds=1)


class TinyShop:
    """The shop's routes on one port, in a thread of its own; `mode` says how it answers from now on."""

    def __init__(self) -> None:
        self.mode = "ok"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.orders: dict[str, list[str]] = defaultdict(list)  # idempotency key -> order ids
        self.sessions: dict[str, dict[str, int]] = {}  # token -> cart
        self.puts_twice = False
        self.hides_orders = False
        self.attempts: Counter[str] = Counter()  # by path
        self.headers_seen: set[str] = set()
        self.connections = 0
        self.answered = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> "TinyShop":
        self._thread.start()
        self._call(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", int(self.url.rpartition(":")[2]))

    async def _close(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.headers_seen |= set(headers)
                method, path, _ = head[0].split(" ")
                self.attempts[path] += 1
                if not await self._answer(writer, method, path, headers, body):
                    break
        writer.close()

    async def _answer(self, writer, method: str, path: str, headers: dict[str, str], asked: bytes) -> bool:
        mode = self.mode
        while self.mode == "stall":  # noqa: ASYNC110  # the mode is set from another thread
            await asyncio.sleep(0.02)
        if mode == "hang up":
            return False
        if mode == "drip":  # each byte in time, the answer never
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b" " * 900:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.3)
            return False
        if mode == "cut off":
            writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n{")
            await writer.drain()
            return False
        status, body = (int(mode), {}) if mode.isdigit() else self._serve(method, path, headers, asked)
        payload = json.dumps(body).encode()
        cookie = f"Set-Cookie: session={body['user_id']}; Path=/; Max-Age=1800\r\n" if "user_id" in body else ""
        head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(payload)}\r\nX-Served-By: shop-1\r\n{cookie}\r\n"
        writer.write(head.encode() + payload)
        await writer.drain()
        self.answered += 1
        return True

    def _serve(self, method: str, path: str, headers: dict[str, str], asked: bytes) -> tuple[int, dict[str, object]]:
        if path.startswith(("/sessions", "/cart")):
            return self._serve_session(method, path, headers.get("cookie", ""), asked)
        assert "cookie" not in headers, "guests have no cookie"
        if method == "POST":
            ids = self.orders[headers["idempotency-key"]]
            if not ids:
                ids.append(f"o{len(self.orders)}")
            return 201, {"id": ids[0]}
        if path.startswith("/orders?idempotency_key="):
            return 200, {"orders": [{"id": one} for one in self.orders.get(path.partition("=")[2], [])]}
        if path.startswith("/orders/"):
            order_id = path.rpartition("/")[2]
            known = any(order_id in ids for ids in self.orders.values())
            return (200, {"id": order_id}) if known and not self.hides_orders else (404, {})
        return 200, {"sku": path.rpartition("/")[2]}

    def _serve_session(self, method: str, path: str, cookie: str, asked: bytes) -> tuple[int, dict[str, object]]:
        if method == "POST":
            token = str(uuid.uuid4())
            self.sessions[token] = {}
            return 201, {"user_id": token}
        token = cookie.removeprefix("session=")
        if token not in self.sessions:
            return 401, {}
        cart = self.sessions[token]
        if method == "PUT":
            sku = path.rpartition("/")[2]
            cart[sku] = json.loads(asked)["quantity"] + self.puts_twice
            return 200, {"sku": sku, "quantity": cart[sku]}
        if path == "/cart":
            return 200, {"items": [{"sku": sku, "quantity": quantity} for sku, quantity in cart.items()]}
        return 200, {"user_id": token}


def wait_until(condition, seconds: float = 10.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "not in time"
        time.sleep(0.1)


def recorded(run_dir: Path) -> samples.Load:
    return samples.read(run_dir / LOAD_FILE)


def wait_for_tick(run_dir: Path, at: float) -> None:
    """Wait until the load has recorded the second that ends at `at` or later."""
    wait_until(lambda: any(tick.at >= at for tick in recorded(run_dir).ticks[-1:]), 20)


def ledger(run_dir: Path):
    with (run_dir / LEDGER_FILE).open() as lines:
        return fold(lines)


def sessions(run_dir: Path) -> SessionLedger:
    with (run_dir / SESSIONS_FILE).open() as lines:
        return fold_sessions(lines)
