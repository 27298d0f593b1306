"""Doors against real servers: an authority of one's own, a client certificate, a proxy with a password, a time-out."""

import json
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chaos.errors import SignalUnavailable
from chaos.reach.http import JsonApi
from chaos.spec.door import Certificate, Door, Kept
from chaos.spec.values import Duration

MARK = "Zq7-the-password-of-a-proxy"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        if self.path.endswith("/slow"):
            self.server.released.wait(30)
        body = json.dumps({"status": "ok"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def serving(context=None):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.released = [], threading.Event()
        server.handle_error = lambda *_: None  # whoever is not let in breaks off
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A folder with an authority, and a server's and a client's certificate of it."""
    folder = tmp_path_factory.mktemp("authority")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ours", "-days", "2")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        (folder / f"{name}.ext").write_text(extension)
        openssl("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext")
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)
    return folder


def test_an_authority_of_ones_own_and_a_client_certificate(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    context.load_verify_locations(authority / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with serving(context) as server:
        url, ca = f"https://127.0.0.1:{server.server_port}/prom", str(authority / "ca.pem")
        certificate = Certificate(str(authority / "client.pem"), str(authority / "client.key"))
        assert JsonApi("it", Door(url, ca=ca, certificate=certificate)).get("/x") == {"status": "ok"}
        assert server.asked[0][0] == "/prom/x"
        for shut in (Door(url), Door(url, ca=ca), Door(url, certificate=certificate)):
            with pytest.raises(SignalUnavailable):
                JsonApi("it", shut).get("/x")
        assert len(server.asked) == 1


def test_a_proxy_is_asked_with_its_password_and_nobody_is_told_that(monkeypatch):
    with serving() as proxy:
        monkeypatch.setenv("STORMDRILL_TEST_PROXY", f"http://ci:{MARK}@127.0.0.1:{proxy.server_port}")
        door = Door("http://prom.invalid/prom", proxy=Kept(env="STORMDRILL_TEST_PROXY"))
        assert JsonApi("it", door).get("/x") == {"status": "ok"}
        [(path, headers)] = proxy.asked
        assert path == "http://prom.invalid/prom/x"
        assert "Proxy-Authorization" in headers
    with pytest.raises(SignalUnavailable) as refused:
        JsonApi("it", door).get("/x")
    assert MARK not in str(refused.value)


def test_a_doors_own_time_out_counts():
    with serving() as server:
        door = Door(f"http://127.0.0.1:{server.server_port}", timeout=Duration(milliseconds=200))
        began = time.monotonic()
        with pytest.raises(SignalUnavailable, match="ReadTimeout"):
            JsonApi("it", door, timeout=30.0).get("/slow")
        assert time.monotonic() - began < 20
