"""A small server that keeps what it was asked, and answers as a path says."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = {
    "/well": (200, {}),
    "/made": (201, {}),
    "/gone": (410, {}),
    "/broken": (500, {}),
    "/moved": (302, {"Location": "/well?moved"}),
    "/posted": (303, {"Location": "/well?seen"}),
    "/kept": (307, {"Location": "/well?kept"}),
    "/round": (302, {"Location": "/round"}),
    "/away": (302, {"Location": "http://192.0.2.1/"}),
    "/nowhere": (302, {"Location": "http://["}),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        # No text at all, so that whoever decodes it fails.
        status, headers, sent = *ANSWERS.get(self.path.partition("?")[0], (200, {})), b"\xff\xfe"
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(sent))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else sent)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815  # http.server's way

    def log_message(self, *_):
        pass


@contextmanager
def serving(context=None):
    """On a free port of this machine, with TLS if there is a context for it; `url` says where."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.daemon_threads = [], True
        server.handle_error = lambda *_: None  # whoever is not let in breaks off
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.url = f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
