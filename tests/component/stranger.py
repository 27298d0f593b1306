"""What a stranger can send: all that the OpenAPI page documents at its worst, and what no client library would send."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from compose.config.haproxy import INTERNAL_HEADERS

_METHODS = ("get", "put", "post", "delete", "patch")
_KNOWN = {"sku": "sku-0001", "order_id": "00000000-0000-4000-8000-000000000000"}
_BODY = b'{"sku":"sku-0001","quantity":1}'
_JSON = b"Content-Type: application/json"
_KEY_OF_A_GUEST = b"Idempotency-Key: stranger-" + b"a" * 32

WORST_IN_URLS = (
    *("", "%00", "%ff%fe", "%F0%9F", "%zz", "%", "%7B%7D", "%D9%A1", "..%2f..", "%22%27%3B--", "-1", "0", "1e1", "NaN"),
    *("9" * 40, "a" * 3000, "null", "true", "736b75", "sku", "stock", "sku-0001", "sku-0000"),
)
WORST_IN_HEADERS = (
    *(b"", b"0", b"-1", b"\xff\xfe", b"a\tb", b'"', b'"\\xff\\000"', b"%00", b";;;=", b",,,", b"*", b'W/"', b"garbage"),
    *(b"a" * 7000, b"a=b," * 1500),
)
WORST_BODIES = (
    *(b"", b"\0" * 9, b"null", b"true", b'"x"', b"[]", b"{}", b"[" * 8000, b'{"a":' * 1600, b"1" * 8000, b"a" * 9000),
    *(b"\xef\xbb\xbf{}", b'{"sku":"\xff"}', '{"sku":"ä"}'.encode("utf-16"), b'{"quantity":NaN}', b'{"quantity":1e999}'),
    *(b'{"sku":"a\\u0000","quantity":1}', b'{"sku":"\\ud800","quantity":1}', b'{"sku":"sku-0001","quantity":1.5}'),
    *(b'{"sku":"a","quantity":' + b"1" * 5000 + b"}", b'{"sku":"a","quantity":1,"\\ud800":"\\u0000"}'),
    *(b'{"sku":"sku-0000","quantity":100}', b'{"sku":"sku-9999","quantity":1}', b'{"quantity":100}', _BODY),
)
_WEBSOCKET = (b"Connection: Upgrade", b"Upgrade: websocket")
_KEY = (b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


@dataclass(frozen=True, slots=True)
class Sent:
    """Bytes for one connection."""

    name: str
    raw: bytes
    aborted_after: float | None = None
    """Seconds until the client resets the connection; None: it waits for the answer."""


def request(method: str, path: str, *headers: bytes, body: bytes | None = None, version: str = "1.1") -> bytes:
    """One request, as it is told."""
    if body is not None:
        headers = (*headers, f"Content-Length: {len(body)}".encode())
    if not any(header.startswith(b"Connection:") for header in headers):
        headers = (b"Connection: close", *headers)
    lines = (f"{method} {path} HTTP/{version}".encode("latin-1"), b"Host: shop", *headers)
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


def documented(page: dict) -> list[Sent]:
    """Every operation with every parameter and body at its worst, one at a time."""
    found = []
    for path, operations in page["paths"].items():
        for method in operations.keys() & {*_METHODS}:
            found += _operation(page, method.upper(), path, operations[method])
    return found


def _operation(page, method, path, operation):
    parameters = operation.get("parameters", [])
    body = _BODY if "requestBody" in operation else None
    needed = [_KEY_OF_A_GUEST] if method == "POST" else []
    content = [_JSON] if body else []
    plain = path.format(**_KNOWN)
    sent = {f"{method} {path}": request(method, plain, *needed, *content, body=body)}
    for parameter in parameters:
        name = parameter["name"]
        for worst in WORST_IN_URLS:
            if parameter["in"] == "path":
                sent[name, worst] = request(method, path.format(**_KNOWN | {name: worst}), *needed, *content, body=body)
            elif parameter["in"] == "query":
                sent[name, worst] = request(method, f"{plain}?{name}={worst}&{name}={worst}", *needed, body=body)
    # Those that every route may read, documented or not: the session's cookie is a security scheme.
    names = {parameter["name"].encode() for parameter in parameters if parameter["in"] == "header"}
    for name in names | {b"Idempotency-Key", b"If-None-Match", b"Accept-Encoding", b"Content-Type", b"Cookie"}:
        for worst in WORST_IN_HEADERS:
            value = b"session=" + worst if name == b"Cookie" else worst
            others = [header for header in (*needed, *content) if not header.startswith(name)]
            sent[name, worst] = request(method, plain, *others, name + b": " + value, body=body)
    for worst in WORST_BODIES if body else ():
        sent["body", worst] = request(method, plain, *needed, _JSON, body=worst)
    return [Sent(f"{method} {path} {str(what)[:80]}", raw) for what, raw in sent.items()]


def told_by_services() -> list[Sent]:
    """What only our services may say, in every spelling, where it would do most harm."""
    names = [name.encode() for name in (*INTERNAL_HEADERS, "x-forwarded-for", "x-forwarded-proto", "x-forwarded-ssl")]
    spelt = [way(name) for name in names for way in (bytes.lower, bytes.upper, bytes.title)]
    spelt += [name.replace(b"-", b"_") for name in spelt] + [b"SCRIPT_NAME", b"PATH_INFO", b"REMOTE_USER"]
    order = f"/orders/{_KNOWN['order_id']}"
    return [
        Sent(f"{name!r}: {value[:20]!r}", request("GET", order, name + b": " + value, name + b":" + value))
        for name in spelt
        for value in (b"0", b"garbage", b"a=b," * 900)
    ]


def malformed() -> list[Sent]:
    """What no client library would send."""
    order = ("POST", "/orders", _KEY_OF_A_GUEST, _JSON)
    sent = {
        **_odd_lines(),
        **_odd_bodies(order),
        "two lengths": request(*order, b"Content-Length: 3", body=_BODY),
        "length and chunks": request(*order, b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n"),
        "websocket": request("GET", "/cart", *_WEBSOCKET, *_KEY),
        "websocket, wrong": request("GET", "/cart", *_WEBSOCKET),
        "websocket, a body": request(*order, *_WEBSOCKET, *_KEY, body=b"abc"),
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 90,
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 99,
        "PROXY": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + request("GET", "/cart"),
        "bytes": bytes(range(256)),
        "many at once": b"GET /cart HTTP/1.1\r\nHost: shop\r\n\r\n" * 30 + b"garbage\r\n\r\n",
    }
    return [Sent(name, raw) for name, raw in sent.items()]


def _odd_lines() -> dict[str, bytes]:
    methods = ("FOO", "get", "A" * 40, "G!T", "TRACE", "CONNECT", "OPTIONS", "HEAD", "PROPFIND", "PRI")
    targets = (
        "*",
        "cart",
        "//evil/x",
        "http://evil/cart",
        "http://[::1/cart",
        "ftp://x/",
        "http:",
        "/x#y",
        "/é",
        "/" + "a" * 12000,
    )
    headers = (
        *(b"Expect: 100-continue", b"Expect: x", b"Upgrade: h2c", b"TE: x", b"no colon", b": x", b" folded: x"),
        *(
            b"X: \x01",
            b"X\xe9: y",
            b"Host: other",
            b"Host: [::1",
            b"Connection: x-request-id, cookie",
            b"Content-Length: -1",
        ),
        *(b"Content-Length: 1e3", b"Content-Length: " + b"9" * 30, b"X: " + b"a" * 13000, b"X" * 9000 + b": y"),
        *(b"\r\n".join(b"X-%d: y" % number for number in range(count)) for count in (90, 99, 101, 200)),
    )
    return {
        **{f"method {method[:9]}": request(method, "/cart") for method in methods},
        **{f"target {target[:20]}": request("GET", target) for target in targets},
        **{
            f"version {version}": request("GET", "/cart", version=version)
            for version in ("0.9", "1.0", "2.0", "9.9", "x")
        },
        **{f"header {line[:30]!r}": request("GET", "/cart", line) for line in headers},
    }


def _odd_bodies(order: tuple[Any, ...]) -> dict[str, bytes]:
    chunked = {
        "bad size": b"zz\r\nabc\r\n0\r\n\r\n",
        "negative": b"-1\r\nabc\r\n0\r\n\r\n",
        "huge": b"ffffffffffffffff\r\n",
        "too long": b"5000\r\n" + b"a" * 0x5000 + b"\r\n0\r\n\r\n",
        "in pieces": b"1\r\na\r\n" * 2000 + b"0\r\n\r\n",
        "no end": b"3\r\nabcd\r\n0\r\n\r\n",
        "bad trailer": b"3\r\nabc\r\n0\r\n:::\r\n\r\n",
        "trailer": b"3\r\nabc\r\n0\r\nX-Request-Timeout-Ms: 0\r\n\r\n",
    }
    codings = (b"gzip", b"gzip, chunked", b"chunked, chunked", b"chunked, gzip", b"identity", b"", b"xchunked")
    return {
        **{f"coding {coding!r}": request(*order, b"Transfer-Encoding: " + coding) + b"0\r\n\r\n" for coding in codings},
        **{f"chunk {name}": request(*order, b"Transfer-Encoding: chunked") + raw for name, raw in chunked.items()},
    }


def backoffice() -> list[Sent]:
    """Calls of the back office whose path cannot be decoded, or not before it is looked at."""
    there = "/backoffice/products/a"
    paths = (
        f"{there}%zz",
        f"{there}%",
        f"http://shop{there}%zz",
        "/%62ackoffice/products/a%zz",
        "/backoffice%",
        "/%zz",
    )
    return [Sent(path, request("PUT", path, _JSON, body=b'{"name":"x","price_cents":1}')) for path in paths]


def given_up() -> list[Sent]:
    """Requests, whole and half, whose client resets the connection, at once or while an instance is at work."""
    keys = [b"Idempotency-Key: gone-%s-%d" % (_anew(), number) for number in range(10)]
    whole = [request("POST", "/orders", key, _JSON, body=_BODY) for key in keys]
    pages = (f"/products?limit=100&include=stock&cursor={f'sku-000{number}'.encode().hex()}" for number in range(9))
    whole += [request("GET", page) for page in pages]
    pieces = [raw[:cut] for raw in whole[:5] for cut in (9, 60, -10)]
    return [
        Sent(f"given up after {seconds} s", raw, seconds)
        for seconds in (0.0, 0.002, 0.01, 0.05)
        for raw in (*whole, *pieces)
    ]


def at_the_same_moment() -> list[Sent]:
    """What takes turns on one row: the same order again and again, and others of the same product."""
    tag = _anew()
    keys = [b"Idempotency-Key: same-" + tag] * 60
    keys += [b"Idempotency-Key: other-%s-%d" % (tag, number) for number in range(60)]
    return [Sent("the same moment", request("POST", "/orders", key, _JSON, body=_BODY)) for key in keys]


def _anew() -> bytes:
    """What makes keys others than those of another time: an order that is placed already takes no turn."""
    return secrets.token_hex(16).encode()


def slow() -> list[Sent]:
    """Requests whose end never comes."""
    head = request("POST", "/orders", _KEY_OF_A_GUEST, _JSON, b"Content-Length: 99")
    return [Sent("slow", raw) for raw in (head + b"{", head[:-2], b"GET /ca", b"") for _ in range(5)]


def everything(page: str) -> list[Sent]:
    """All of the above that is answered; `page` is the shop's OpenAPI page."""
    # The slow ones first: they take five seconds, whatever else there is.
    return [
        *slow(),
        *malformed(),
        *backoffice(),
        *at_the_same_moment(),
        *told_by_services(),
        *documented(json.loads(page)),
    ]
