"""The load of somebody else's stack, a process, against real servers: what is sent, and what is never shown."""

import json
import ssl
import time
from datetime import timedelta
from pathlib import Path

from chaos.facts import samples
from chaos.load import starter
from chaos.spec.asked import Asked
from chaos.spec.door import Certificate, Kept
from chaos.spec.loads import PathsLoad, unsaid
from tests.answering import serving
from tests.component.test_doors import authority  # noqa: F401  # a fixture
from tests.waiting import until

MARK = "Zq7-nobody-may-read-this"


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


def ways(folder, url, asked, **more):
    """How one request fares whenever it is sent: its statuses and errors."""
    load = PathsLoad(paths=[asked], rate=20, **more)
    return {(request.status, request.error) for request in seen(folder, url, load)}


def one(folder, url, asked, **more):
    """The same of one that fares alike each time."""
    [found] = ways(folder, url, asked, **more)
    return found


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
        assert status is None
        assert error.startswith("TLS: ")
        # In TLS 1.3 a client is through before it is refused: it is told why, or finds the connection gone.
        refused = ways(folders[2], server.url, Asked("/well"), ca=ca)
        assert {status for status, _ in refused} == {None}
        assert None not in {error for _, error in refused}
        assert len(server.asked) == asked, "nobody was let in"


def test_without_a_word_nothing_but_the_first_page_is_asked_for(tmp_path):
    with serving() as server:
        seen(tmp_path, server.url, unsaid(), 3)
        assert {(method, path, body) for method, path, _, body in server.asked} == {("GET", "/", b"")}
    assert not (tmp_path / "orders.ndjson").exists()
