"""A shop of a test's own beside the stack's, with settings of its own, and a stand-in's place before inventory."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import psycopg

from compose import programs

ROOT = Path(__file__).parents[2]
GUNICORN = Path(sys.executable).with_name("gunicorn")
# Start-up takes about a second; this is for a busy machine.
STARTS_WITHIN_SECONDS = 20.0
# Everything here is over within a second or two; the rest is for a busy machine.
SEEN_WITHIN_SECONDS = 15.0
# An order is abandoned after two seconds instead of thirty; the rest follows from it.
HASTY = {
    "SHOP_REQUEST_DEADLINE": "1200ms",
    "SHOP_INVENTORY_TIMEOUT": "500ms",
    "SHOP_ORDER_ABANDONED_AFTER": "2s",
    "SHOP_SWEEP_EVERY": "200ms",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(look, seconds=SEEN_WITHIN_SECONDS):
    """Return the first true answer; fail if there is none in time."""
    give_up_at = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < give_up_at, f"not within {seconds} s"
        time.sleep(0.05)
    return found


@dataclass(frozen=True, slots=True)
class OwnShop:
    """One running instance."""

    url: str
    metrics_url: str
    process: subprocess.Popen

    def kill(self):
        """End it as a crash would."""
        self.signal(signal.SIGKILL)

    def signal(self, number):
        """Send it a signal, its worker included."""
        os.killpg(self.process.pid, number)

    def metric(self, series):
        """The value of one series, written as Prometheus writes it."""
        lines = httpx.get(self.metrics_url).text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{series} ")), None)

    def is_ready(self):
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def own_shop(stack, **settings):
    """Start one with the stack's settings and these; it is gone afterwards, however it ends."""
    port, metrics_port = free_port(), free_port()
    environment = programs.service_environment(stack.topology.of_role("shop")[0], stack.settings, stack.topology)
    own = {"SHOP_INSTANCE": "shop-own", "SHOP_METRICS_PORTS": str(metrics_port), "SHOP_DRAIN_DELAY": "0s"}
    arguments = [GUNICORN, "-c", ROOT / "services/kit/gunicorn_conf.py", "-k", "asgi", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*arguments, "services.shop.main:create_app()"],
        env=os.environ | environment | own | settings,
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    shop = OwnShop(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}/metrics", process)
    try:
        until(shop.is_ready, STARTS_WITHIN_SECONDS)
        yield shop
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            shop.kill()
            process.wait()


class Relay:
    """Stands before inventory and may do to an answer what networks and crashes do.

    `after` is told of each request that inventory has carried out, before its answer is passed on, and says whether
    to pass it on at all; `before` whether to pass the request on.
    """

    def __init__(self, upstream):
        self.before = lambda method: True
        self.after = lambda method: True
        self._client = httpx.Client(base_url=upstream, timeout=5)
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                self.close_connection = True
                if not relay.before(self.command):
                    return
                kept = {name: self.headers[name] for name in ("content-type", "idempotency-key") if self.headers[name]}
                answer = relay._client.request(self.command, self.path, content=body, headers=kept)
                if not relay.after(self.command):
                    return
                self.send_response(answer.status_code)
                self.send_header("content-type", answer.headers.get("content-type", "text/plain"))
                self.send_header("content-length", str(len(answer.content)))
                self.send_header("connection", "close")
                self.end_headers()
                self.wfile.write(answer.content)

            do_POST = do_DELETE = _pass_on  # noqa: N815  (the library's names)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that was killed, which is what we are here for

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._client.close()


def unfinished(stack, keys):
    """The status of each of these orders that is neither confirmed nor gone."""
    dsn = programs.postgres_dsn(stack.topology.one("postgres").port)
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT status FROM shop.orders WHERE idempotency_key = ANY(%s) AND status <> 'confirmed'", (list(keys),)
        )
        return [row[0] for row in rows]
