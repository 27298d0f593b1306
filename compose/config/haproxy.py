"""What the load balancer's template is told: servers, switches, limits, and its own answers in problem form."""

import json
from http import HTTPStatus
from pathlib import Path

from compose import limits, sizing
from compose.config import credentials
from compose.settings import StackSettings
from compose.topology import Program, Topology

# A Python instance answers some hundred requests a second: what it holds at once it can answer within a fraction of
# one, and more in flight would only be slower for everybody.
IN_FLIGHT_PER_WORKER = 64
# So many requests in a row, failed within 500 ms, eject an instance: 30 a second. Instances that all hang for one
# reason fail what they hold in the 4 s of `timeout server`, 16 a second and worker, and so stay in. That is so on
# average: what came as a burst fails as one, and ejects them (tried with 64 at once and with 50 a second; with 20 a
# second it does not). Panic routing is for that.
ERRORS_PER_WORKER = 15
# What the instances together can take off the queue within `timeout queue`; who comes later would wait in vain.
QUEUE_LIMIT = 512
# Of one client address, in 10 s: fifty a second are more than a browser asks for, or those of a whole household.
REQUESTS_OF_ONE = 500
# In a minute.
SESSIONS_OF_ONE = 30
# As many as HAProxy has places for; it learns from Docker's DNS which there are.
MOST_REPLICAS = 20
LOOPBACKS = ("127.0.0.0/8",)
PRIVATE = (*LOOPBACKS, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
# Before the name of an instance's second server, which outlier detection leaves alone; rules know it, too.
PANIC = "panic-"
# Of requests; those that begin with X-Forwarded- as well.
INTERNAL_HEADERS = (
    "x-request-timeout-ms",
    "traceparent",
    "tracestate",
    "baggage",
    "x-request-id",
    "x-served-by",
    "forwarded",
)

KEEP_ALIVE_SECONDS = 30
LONG_KEEP_ALIVE_SECONDS = 120
"""Of a stack that is made for many connections, whose users ask seldom."""

_PROBLEM_TYPE = "urn:stormdrill:problem:"
# The limit of requests looks back for 10 s, that of sessions for a minute.
_RETRY_AFTER_SECONDS = {429: 10, 503: 1}
_SESSION_RETRY_AFTER_SECONDS = 60

# Every status HAProxy can answer with on its own account, and what the client is told.
_DETAILS = {
    400: "the request cannot be understood",
    401: "who are you?",
    403: "this is not allowed",
    404: "there is nothing here",
    405: "this method is not allowed here",
    407: "who are you?",
    408: "the request did not arrive in time",
    410: "this is gone for good",
    413: "the request is too large",
    425: "sent too early; send it again",
    429: "too many requests",
    500: "this is a mistake of ours; it has been logged",
    501: "this method is not known",
    502: "an instance broke its answer off, or gave none",
    503: "no instance can take the request now",
    504: "an instance did not answer in time",
}


def values(settings: StackSettings, topology: Topology) -> dict[str, object]:
    """The template's values; `settings.balancer` says which mechanisms are in it."""
    sized, edges = size(settings, topology), bool(topology.of_role("edge"))
    return {
        "maxconn": sized.connections,
        "threads": sized.threads,
        "keep_alive_seconds": LONG_KEEP_ALIVE_SECONDS if settings.connections else KEEP_ALIVE_SECONDS,
        "behind_edges": edges,
        # One cache on a user's way: what a second one takes from the first it would keep for as long again.
        "http_cache": settings.balancer.http_cache and not edges,
        "admin_socket": admin_socket(settings),
        "apart": topology.apart,
        "listen": topology.listen,
        "at": topology.at,
        "shop_front": topology.one("haproxy").port,
        "https": topology.https,
        "certificate": credentials.certificate(topology.secrets),
        "inventory_front": topology.inventory_front,
        "metrics_port": topology.haproxy_metrics,
        "shops": topology.of_role("shop"),
        "inventories": topology.of_role("inventory"),
        "replicated": topology.replicated,
        "most_replicas": MOST_REPLICAS,
        "swarm_stack": settings.project,
        "panic": PANIC,
        "internal_headers": INTERNAL_HEADERS,
        "on": settings.balancer,
        "ours": ours(settings, topology),
        "requests_of_one": REQUESTS_OF_ONE,
        "sessions_of_one": SESSIONS_OF_ONE,
        "in_flight_per_instance": IN_FLIGHT_PER_WORKER * settings.workers,
        "errors_that_eject": ERRORS_PER_WORKER * settings.workers,
        "queue_limit": QUEUE_LIMIT,
        "problems": problems(),
        "retry_after_seconds": _RETRY_AFTER_SECONDS,
        "session_retry_after_seconds": _SESSION_RETRY_AFTER_SECONDS,
    }


def size(settings: StackSettings, topology: Topology) -> sizing.Size:
    """How many connections there are, by the limits of where HAProxy runs."""
    return sizing.size(settings, limits.CONTAINER if topology.apart else None)


def edge_values(edge: Program, settings: StackSettings, topology: Topology) -> dict[str, object]:
    """The values of an edge's template."""
    sized = size(settings, topology)
    return {
        "maxconn": sized.connections_an_edge,
        "to_haproxy": max(1, round(sizing.FULL * sized.connections / len(topology.of_role("edge")))),
        "listen": topology.listen,
        "front": topology.users,
        "haproxy": topology.at(topology.one("haproxy").port),
        "metrics_port": edge.port,
        "keep_alive_seconds": LONG_KEEP_ALIVE_SECONDS,
        "ours": ours(settings, topology),
        "on": settings.balancer,
        "problems": problems(),
        "retry_after_seconds": _RETRY_AFTER_SECONDS,
    }


def admin_socket(settings: StackSettings) -> Path:
    """Where HAProxy takes commands: in a folder of its own, which can be shared with a container."""
    return settings.state / "run" / "haproxy.sock"


def ours(settings: StackSettings, topology: Topology) -> tuple[str, ...]:
    """The networks of our own proxies and of whoever measures: believed in what they forward, and not limited.

    To a container whoever comes by a published port has an address of Docker's network.
    """
    return settings.proxies or (PRIVATE if topology.apart else LOOPBACKS)


def problems() -> dict[int, str]:
    """Status → body as the services write theirs (RFC 9457).

    HAProxy makes no spans, so there is no trace id to tell.
    """
    return {status: _problem(status, detail) for status, detail in _DETAILS.items()}


def _problem(status: int, detail: str) -> str:
    # RFC 9110's name, as the services have it; Python before 3.13 has an older one.
    title = "Content Too Large" if status == 413 else HTTPStatus(status).phrase
    kind = "internal-error" if status == 500 else title.lower().replace(" ", "-")
    members = {"type": _PROBLEM_TYPE + kind, "title": title, "status": status, "detail": detail, "trace_id": None}
    return json.dumps(members, separators=(",", ":"))
