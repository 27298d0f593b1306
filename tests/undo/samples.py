"""One fault of each kind for tests, as an experiment file writes it; a kind without one fails a test."""

from typing import Any

import msgspec

from chaos.spec import values
from chaos.spec.faults.table import AnyFault

SAMPLES: dict[str, dict[str, Any]] = {
    "none": {},
    "process.kill": {"instance": "shop-1"},
    "process.crash": {"instance": "shop-2"},
    "process.pause": {"instance": "inventory-1"},
    "process.restart": {"instance": "redis-exporter"},
    "process.throttle": {"instance": "shop-3", "share": 0.5},
    "process.hog": {"processes": 2},
    "haproxy.drain": {"server": "shop/shop-3"},
    "haproxy.fool_checks": {"servers": ["shop/shop-1"], "asks": "shop/shop-2"},
    "network.latency": {"link": "postgres/shop-3", "latency": "50ms"},
    "network.bandwidth": {"link": "postgres/shop-1", "rate": "10KB/s"},
    "network.timeout": {"link": "inventory/shop-1"},
    "network.reset_peer": {"link": "postgres/shop-2"},
    "network.slow_close": {"link": "inventory/shop-2", "delay": "100ms"},
    "network.down": {"link": "pager"},
    "postgres.hold_locks": {"tables": ["shop.orders"]},
    "postgres.slow_queries": {"query": "SELECT count(*) FROM generate_series(1, 100000)", "connections": 2},
    "postgres.take_connections": {"share": 0.8},
    "redis.kill_master": {},
    "redis.kill_replica": {},
    "redis.lose_majority": {},
    "redis.flush": {},
    "redis.fill": {"share": 0.5},
    "redis.cut_off_master": {},
    "traffic.surge": {"factor": 2},
    "traffic.crowd": {"users": 5},
    "traffic.hot_key": {"product": "sku-0001"},
    "traffic.slow_clients": {"connections": 20, "sends": "headers"},
    "pager.refuse": {},
    "node.drain": {"instance": "shop-2"},
    "service.scale": {"service": "shop", "replicas": 4},
}
"""What is given beside `type` and `for`."""
TOGETHER = (
    ("none",),
    (
        *("process.kill", "process.crash", "process.pause", "process.restart", "process.throttle", "process.hog"),
        *("haproxy.drain", "pager.refuse"),
    ),
    (
        *("network.latency", "network.bandwidth", "network.timeout"),
        *("network.reset_peer", "network.slow_close", "network.down"),
    ),
    ("postgres.hold_locks", "postgres.slow_queries", "postgres.take_connections"),
    ("traffic.surge", "traffic.crowd", "traffic.hot_key", "traffic.slow_clients", "redis.flush", "redis.fill"),
    ("haproxy.fool_checks", "redis.kill_replica"),
    ("redis.kill_master",),
    ("redis.cut_off_master",),
    ("redis.lose_majority",),
)
"""Kinds that can be in place at once: one runner holds them all, and the last is undone first."""
IN_A_SWARM = frozenset({"node.drain", "service.scale"})
"""Kinds that are held in tests/containers."""
AT_ONCE_OVER = frozenset({"none", "process.crash", "process.restart"})
"""What leaves nothing to be seen at hold."""


def written(kind: str, hold: str) -> dict[str, Any]:
    """The fault of this kind, as it stands in a file. KeyError when it has no sample."""
    return {"type": kind, "for": hold} | SAMPLES[kind]


def fault(kind: str, hold: str) -> AnyFault:
    """The fault of this kind."""
    return msgspec.convert(written(kind, hold), AnyFault, dec_hook=values.decode)  # type: ignore[no-any-return]


def experiment(kind: str, hold: str) -> dict[str, Any]:
    """A whole experiment about it, in which whatever users see will do."""
    return {
        "title": f"A sample of {kind}",
        "claim": "Whatever happens, it is put back.",
        "fault": written(kind, hold),
        "steady_state": [{"name": "share of failed user requests", "query": "load:failed:ratio", "after": "<= 1"}],
        "recover_within": "5s",
    }
