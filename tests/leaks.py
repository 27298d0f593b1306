"""What a sealed round may not say, and where it is said."""

import re

from tests.served import served

SECRET = "zorgblatt"
"""Part of every name, title and claim of the deck, and of nothing else."""
EXPERIMENT = """\
title: {secret} title
claim: {secret} claim
fault: {{ type: process.kill, instance: shop-2, for: 30s }}
also:
  - {{ after: 1s, fault: {{ type: network.latency, link: postgres/shop-3, latency: 20ms, for: 60s }} }}
  - {{ after: 1s, fault: {{ type: postgres.take_connections, share: 0.5, for: 60s }} }}
  - {{ after: 2s, fault: {{ type: redis.fill, share: 0.3, for: 60s }} }}
  - {{ after: 2s, fault: {{ type: traffic.surge, factor: 1.2, for: 60s }} }}
steady_state:
  - {{ name: {secret} check, query: "load:failed:ratio", before: "== 0", during: "< 0.5", after: "< 0.02" }}
alerts:
  - {{ name: ShopInstanceDown, fires_within: 20s, resolves_within: 30s, labels: {{ instance: shop-2 }} }}
  - {{ name: HAProxyServerDown, fires_within: 20s, resolves_within: 30s, labels: {{ server: shop-2 }} }}
may_fire: [PostgresConnectionsNearLimit]
recover_within: 20s
"""
GIVEN_AWAY = re.compile(
    r"stormdrill-(?!\d|test-|runs-)|network\.latency|process\.kill|take_connections|traffic\.surge|\bfill\b"
)
"""Names that our faults have for everybody where nothing is sealed."""


def told(stack, words):
    """Where any of these words is served."""
    return sorted({place for place, text in served(stack) if any(word in text for word in words)})


def given_away(stack):
    return sorted((place, found[0]) for place, text in served(stack) if (found := GIVEN_AWAY.search(text)))
