"""A relay before inventory, for what networks and crashes do to answers on their way."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


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
