"""A service of two parts that shares nothing with the shop: `app.py PORT` counts, `app.py PORT STORE_URL` greets.

Both say at /metrics that they are there.
"""

import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

PORT, STORE = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
numbers = count(1)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, text = self.answer()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def answer(self):
        if self.path == "/metrics":
            return 200, b"tinyapp_is_there 1\n"
        if self.path != "/count":
            return 200, b"hello\n"
        if not STORE:
            return 200, f"{next(numbers)}\n".encode()
        try:
            with urllib.request.urlopen(f"{STORE}/count", timeout=1.8) as answer:
                return 200, answer.read()
        except OSError:
            return 503, b"the store does not answer\n"

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
