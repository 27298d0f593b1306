"""The load of somebody else's stack against real servers: what is sent, what counts as well, what is never shown."""

import json
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chaos.facts import samples
from chaos.load import starter
from chaos.spec.asked import Asked
from chaos.spec.door import Certificate, Kept
from chaos.spec.loads import PathsLoad, unsaid
from tests.component.test_doors import authority  # noqa: F401  # a fixture
from tests.waiting import until

MARK = "Zq7-nobody-may-read-this"
ELSEWHERE = "HTTP 302, a redirect that leads to another server and is not followed"
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


def seen(folder, url, load, number=6):
    """What users saw of so many requests at least, and what the load's process was told on its command line."""
    process = starter.start(folder, url, load.settings(), time.monotonic(), load)
    try:
        shown = Path(f"/proc/{process.pid}/cmdline").read_text()
        starter.await_first_request(process, folder, timedelta(seconds=30))
        until(lambda: len(samples.read(folder / "load.ndjson").requests) >= number, 30)
    finally:
        starter.stop(process, timedelta(seconds=10))
    assert MARK not in shown
    return samples.read(folder / "load.ndjson").requests


def one(folder, url, asked, **more):
    """How one request fares, each time it is sent: its status, and its error."""
    found = {
        (request.status, request.error) for request in seen(folder, url, PathsLoad(paths=[asked], rate=20, **more))
    }
    assert len(found) == 1, found
    return found.pop()


def test_method_headers_cookies_and_bodies_arrive_and_no_credential_is_left_anywhere(tmp_path, monkeypatch):
    monkeypatch.setenv("STORMDRILL_TEST_TOKEN", f"Bearer {MARK}")
    (tmp_path / "login").write_text(f"password={MARK}")
    (tmp_path / "binary").write_bytes(b"\x00\xff" * 50_000)
    kept = Kept(env="STORMDRILL_TEST_TOKEN")
    load = PathsLoad(
        paths=[
            Asked("/well", headers={"X-Own": "b"}),
            Asked("/made", method="POST", json={"sku": "ü", "number": 1}),
            Asked("/login", method="POST", text=Kept(file=str(tmp_path / "login")), name="log in"),
            Asked("/binary", method="PUT", file=str(tmp_path / "binary")),
            Asked("/empty", method="DELETE"),
            Asked("/head", method="HEAD"),
        ],
        headers={"Authorization": kept, "X-Own": "a"},
        cookies={"session": Kept(env="STORMDRILL_TEST_TOKEN"), "plain": "yes"},
        rate=40,
    )
    folder = tmp_path / "run"
    folder.mkdir()
    with serving() as server:
        requests = seen(folder, server.url, load, 80)
        arrived = {(method, path): (headers, body) for method, path, headers, body in server.asked}
    assert {request.error for request in requests} == {None}, {request.error for request in requests}
    assert {request.name for request in requests} >= {"GET /well", "log in", "HEAD /head"}
    headers, body = arrived["GET", "/well"]
    assert (headers["Authorization"], headers["X-Own"]) == (f"Bearer {MARK}", "b")
    assert headers["Cookie"] == f"session=Bearer {MARK}; plain=yes"
    headers, body = arrived["POST", "/made"]
    assert (headers["Content-Type"], json.loads(body)) == ("application/json", {"sku": "ü", "number": 1})
    assert arrived["POST", "/login"][1] == f"password={MARK}".encode()
    assert arrived["PUT", "/binary"][1] == b"\x00\xff" * 50_000
    for file in folder.iterdir():
        assert MARK.encode() not in file.read_bytes(), file


@pytest.mark.parametrize(
    ("asked", "more", "status", "error"),
    [
        (Asked("/gone"), {}, 410, "HTTP 410"),
        (Asked("/gone"), {"statuses": ["2xx", 410]}, 410, None),
        (Asked("/gone", statuses=["400-499"]), {}, 410, None),
        (Asked("/well", statuses=[201]), {}, 200, "HTTP 200"),
        (Asked("/broken"), {"statuses": ["2xx", "4xx"]}, 500, "HTTP 500"),
        (Asked("/moved"), {}, 302, "HTTP 302, a redirect that is not followed"),
        (Asked("/moved", statuses=["3xx"]), {}, 302, None),
        (Asked("/moved"), {"redirects": "follow"}, 200, None),
        (Asked("/round", statuses=["3xx"]), {"redirects": "follow"}, 302, "redirected 10 times"),
        (Asked("/away"), {"redirects": "follow"}, 302, ELSEWHERE),
    ],
)  # fmt: skip
def test_what_counts_as_well(tmp_path, asked, more, status, error):
    with serving() as server:
        assert one(tmp_path, server.url, asked, **more) == (status, error)


@pytest.mark.parametrize(
    ("path", "method", "body"), [("/posted", "GET", b""), ("/moved", "GET", b""), ("/kept", "POST", b"tea")]
)
def test_a_redirect_is_followed_as_a_browser_does(tmp_path, path, method, body):
    with serving() as server:
        assert one(tmp_path, server.url, Asked(path, method="POST", text="tea"), redirects="follow") == (200, None)
        followed = [(way, sent) for way, where, _, sent in server.asked if where.startswith("/well")]
        assert set(followed) == {(method, body)}


def test_an_authority_of_ones_own_and_a_client_certificate(authority, tmp_path):  # noqa: F811  # a fixture
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    context.load_verify_locations(authority / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    ca = str(authority / "ca.pem")
    certificate = Certificate(str(authority / "client.pem"), str(authority / "client.key"))
    folders = [tmp_path / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir()
    with serving(context) as server:
        assert one(folders[0], server.url, Asked("/well"), ca=ca, certificate=certificate) == (200, None)
        asked = len(server.asked)
        status, error = one(folders[1], server.url, Asked("/well"), certificate=certificate)
        assert (status, error) == (None, "TLS: unable to get local issuer certificate")
        status, error = one(folders[2], server.url, Asked("/well"), ca=ca)
        assert status is None
        assert error is not None
        assert len(server.asked) == asked, "nobody was let in"


def test_without_a_word_nothing_but_the_first_page_is_asked_for(tmp_path):
    with serving() as server:
        seen(tmp_path, server.url, unsaid(), 3)
        assert {(method, path, body) for method, path, _, body in server.asked} == {("GET", "/", b"")}
    assert not (tmp_path / "orders.ndjson").exists()
