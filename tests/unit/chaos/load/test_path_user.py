"""One request of somebody else's users against a small server: what is sent, where it leads, what counts as well."""

import asyncio
import json
import ssl

import pytest

from chaos.load.path_user import PathUser, asking
from chaos.spec.asked import Asked
from chaos.spec.door import Certificate, Kept
from chaos.spec.loads import PathsLoad
from tests.answering import serving
from tests.component.test_doors import authority  # noqa: F401  # a fixture

ELSEWHERE = "HTTP 302, a redirect that leads to another server and is not followed"
FOLLOW = {"redirects": "follow"}
CASES = [
    (Asked("/gone"), {}, 410, "HTTP 410"),
    (Asked("/gone"), {"statuses": ["2xx", 410]}, 410, None),
    (Asked("/gone", statuses=["400-499"]), {}, 410, None),
    (Asked("/well", statuses=[201]), {}, 200, "HTTP 200"),
    (Asked("/broken"), {"statuses": ["2xx", "4xx"]}, 500, "HTTP 500"),
    (Asked("/head", method="HEAD"), {}, 200, None),
    (Asked("/empty", method="DELETE"), {}, 200, None),
    (Asked("/moved"), {}, 302, "HTTP 302, a redirect that is not followed"),
    (Asked("/moved", statuses=["3xx"]), {}, 302, None),
    (Asked("/moved"), FOLLOW, 200, None),
    (Asked("/round", statuses=["3xx"]), FOLLOW, 302, "redirected 10 times"),
    (Asked("/away"), FOLLOW, 302, ELSEWHERE),
    (Asked("/away", statuses=["3xx"]), FOLLOW, 302, None),
    (Asked("/nowhere"), FOLLOW, 302, ELSEWHERE),
]


def asked_once(url, several):
    """What becomes of each request of these loads, sent one after the other: status and error."""

    async def ask(load):
        common = asking(load, url)
        user = PathUser(common)
        try:
            return [await user.ask(one) for one in common.requests]
        finally:
            user.leave()

    return [(got.status, got.error) for load in several for got in asyncio.run(ask(load))]


def test_what_counts_as_well_is_what_is_expected():
    with serving() as server:
        found = asked_once(server.url, [PathsLoad(paths=[one], **more) for one, more, *_ in CASES])
    assert found == [(status, error) for _, _, status, error in CASES]


def test_a_redirect_is_followed_as_a_browser_does_with_all_that_says_who_we_are(monkeypatch):
    monkeypatch.setenv("STORMDRILL_TEST_TOKEN", "Bearer x")
    sent = {"method": "POST", "text": "tea", "headers": {"Authorization": Kept(env="STORMDRILL_TEST_TOKEN")}}
    with serving() as server:
        paths = [Asked(path, **sent) for path in ("/posted", "/moved", "/kept")]
        assert asked_once(server.url, [PathsLoad(paths=paths, redirects="follow")]) == [(200, None)] * 3
        followed = [(method, path, body) for method, path, _, body in server.asked if path.startswith("/well")]
        assert {headers["Authorization"] for *_, headers, _ in server.asked} == {"Bearer x"}
    assert followed == [("GET", "/well?seen", b""), ("GET", "/well?moved", b""), ("POST", "/well?kept", b"tea")]


def test_bodies_and_cookies_arrive_as_they_are_written(tmp_path):
    (tmp_path / "binary").write_bytes(b"\x00\xff" * 50_000)
    file = Asked("/binary", method="PUT", file=str(tmp_path / "binary"))
    paths = [Asked("/made", method="POST", json={"sku": "ü"}, statuses=[201]), file]
    with serving() as server:
        load = PathsLoad(paths=paths, cookies={"a": "b", "c": "d"})
        assert asked_once(server.url, [load]) == [(201, None), (200, None)]
        (_, _, made, as_json), (_, _, put, binary) = server.asked
    assert (made["Content-Type"], json.loads(as_json), made["Cookie"]) == ("application/json", {"sku": "ü"}, "a=b; c=d")
    assert (put["Content-Type"], binary) == ("application/octet-stream", b"\x00\xff" * 50_000)


@pytest.mark.parametrize("reaches", [True, False])
def test_an_authority_of_ones_own_and_a_client_certificate(authority, reaches):  # noqa: F811  # a fixture
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    context.load_verify_locations(authority / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    ca = str(authority / "ca.pem")
    certificate = Certificate(str(authority / "client.pem"), str(authority / "client.key"))
    with serving(context) as server:
        if reaches:
            assert asked_once(server.url, [PathsLoad(paths=["/well"], ca=ca, certificate=certificate)]) == [(200, None)]
            return
        shut = [PathsLoad(paths=["/well"], **one) for one in ({}, {"certificate": certificate}, {"ca": ca})]
        plain, strange, nobody = asked_once(server.url, shut)
        assert server.asked == []
    for status, error in (plain, strange):
        assert status is None
        assert error.startswith("TLS: ")
        assert "certificate" in error
    assert nobody[0] is None
    assert nobody[1], "whoever is not let in may hear of it by an alert or by a closed connection"
