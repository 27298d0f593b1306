"""With a certificate users may come by HTTPS as well, and their cookies go nowhere else."""

import ssl
import subprocess
import warnings
from contextlib import closing
from http.client import HTTPConnection, HTTPSConnection

import pytest

from compose.limits import Limits
from tests.component.balancer import PATIENCE_SECONDS, Instance, balanced

COOKIE = "session=x; Path=/; HttpOnly"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a certificate for this machine, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    named = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes")
    kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    out = ("-keyout", str(folder / "key"), "-out", str(folder / "certificate"))
    subprocess.run(("openssl", "req", *kind, *named, *out), check=True, capture_output=True)
    pem = folder / "pem"
    pem.write_text((folder / "certificate").read_text() + (folder / "key").read_text())
    return pem


@pytest.fixture
def shop():
    return Instance("shop-1", headers={"set-cookie": COOKIE})


@pytest.fixture
def balancer(tmp_path, shop, certificate):
    with balanced(tmp_path, shop, STORMDRILL_TLS_CERTIFICATE=str(certificate)) as balancer:
        yield balancer


def asked(connection):
    with closing(connection):
        connection.request("GET", "/cart", headers={"X-Forwarded-Proto": "gopher"})
        answer = connection.getresponse()
        answer.read()
        return answer


def test_who_comes_by_https_is_served_and_told_to_come_so_again(balancer, shop, certificate):
    trusts = ssl.create_default_context(cafile=str(certificate))
    answer = asked(HTTPSConnection("127.0.0.1", balancer.https, timeout=PATIENCE_SECONDS, context=trusts))
    assert answer.status == 200
    assert answer.getheader("strict-transport-security") == "max-age=31536000"
    assert answer.getheader("set-cookie") == f"{COOKIE}; Secure"
    assert shop.requests[-1].headers["x-forwarded-proto"] == "https"
    assert shop.requests[-1].headers["x-forwarded-for"] == "127.0.0.1"


def test_no_edge_is_on_the_way_of_who_comes_by_https_and_so_none_is_believed(tmp_path, shop, certificate):
    settings = {"STORMDRILL_TLS_CERTIFICATE": str(certificate), "STORMDRILL_CONNECTIONS": "300"}
    few_files = Limits(files=600, memory_bytes=2**30, cores=1)
    trusts = ssl.create_default_context(cafile=str(certificate))
    with balanced(tmp_path, shop, limits=few_files, STORMDRILL_PROXIES="192.0.2.0/32", **settings) as edged:
        connection = HTTPSConnection("127.0.0.1", edged.https, timeout=PATIENCE_SECONDS, context=trusts)
        with closing(connection):
            connection.request("GET", "/cart", headers={"X-Forwarded-For": "192.0.2.0"})
            assert connection.getresponse().status == 200
        assert shop.requests[-1].headers["x-forwarded-for"] == "127.0.0.1"


def test_a_cookie_that_is_for_https_already_is_left_as_it_is(balancer, shop, certificate):
    shop.headers = {"set-cookie": f"{COOKIE}; Secure; SameSite=lax"}
    trusts = ssl.create_default_context(cafile=str(certificate))
    answer = asked(HTTPSConnection("127.0.0.1", balancer.https, timeout=PATIENCE_SECONDS, context=trusts))
    assert answer.getheader("set-cookie") == f"{COOKIE}; Secure; SameSite=lax"


def test_who_comes_by_http_is_served_as_before(balancer, shop):
    front = int(balancer.url.rpartition(":")[2])
    answer = asked(HTTPConnection("127.0.0.1", front, timeout=PATIENCE_SECONDS))
    assert (answer.status, answer.getheader("set-cookie")) == (200, COOKIE)
    assert answer.getheader("strict-transport-security") is None
    assert "x-forwarded-proto" not in shop.requests[-1].headers


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_both_protocols_are_spoken_and_no_old_tls(balancer, certificate, protocol):
    trusts = ssl.create_default_context(cafile=str(certificate))
    trusts.set_alpn_protocols([protocol])
    connection = HTTPSConnection("127.0.0.1", balancer.https, timeout=PATIENCE_SECONDS, context=trusts)
    with closing(connection):
        connection.connect()
        assert connection.sock.selected_alpn_protocol() == protocol
        assert connection.sock.version() in ("TLSv1.2", "TLSv1.3")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(str(certificate))
    # OpenSSL itself would refuse what this asks for, unless it is told not to.
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    connection = HTTPSConnection("127.0.0.1", balancer.https, timeout=PATIENCE_SECONDS, context=old)
    with closing(connection), pytest.raises(ssl.SSLError):
        connection.connect()


def test_its_key_is_copied_for_its_owner_alone(balancer, tmp_path, certificate):
    copied = tmp_path / "secrets" / "haproxy.pem"
    assert copied.read_text() == certificate.read_text()
    assert copied.stat().st_mode & 0o077 == 0
