"""The unit tests' stand-in for a stack as a server, for a console in a process of its own."""

import http.server
import threading
import time

import httpx

from tests.unit.chaos.console.stack import Stack


class Served(http.server.ThreadingHTTPServer):
    """Answers at `/prometheus`, `/alertmanager` and `/jaeger`, as the servers of a target file would.

    `origin`: CLOCK_MONOTONIC at the start of the round that is played there.
    """

    daemon_threads = True

    def __init__(self, folder, word, port, origin):
        self.stack = Stack(folder, word, lambda: time.monotonic() - origin)
        super().__init__(("127.0.0.1", port), _Handler)
        text = self.stack.target.read_text()
        for name in ("prometheus", "alertmanager", "jaeger"):
            text = text.replace(f'"http://{name}"', f'"http://127.0.0.1:{port}/{name}"')
        self.stack.target.write_text(text)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, _, path = self.path.removeprefix("/").partition("/")
        answer = self.server.stack.answer(httpx.Request("GET", f"http://{server}/{path}"))
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_):
        """Nobody reads it."""
