"""`redis.flush` and `redis.fill`: the cache is emptied again and again, or the masters' memory is filled up."""

from typing import Any

import msgspec
import psutil
import redis

from chaos.errors import FaultFailed
from chaos.faults import agent
from chaos.faults.hands import Hands, Proof, System, each, open_name
from chaos.reach import redis_cluster
from chaos.reach.redis_cluster import Node
from chaos.spec.faults.redis_keys import RedisFill, RedisFlush

_WORD = "fill"


# A little below 64 KiB, so that with its overhead it fits the allocator's class of that size.
_VALUE = b"x" * 60_000


_SIZE_BYTES = 65_536
_AT_ONCE = 100


# As long as the shop keeps an entry of its cache at most: what is pushed out first goes by that.
_LIFE_MS = 305_000


_ADDED_PER_SECOND = 32
_MOST_BYTES = 512 * 1024 * 1024
_NEAR = 0.03
"""How far below the share that was asked for a master may be and still count as filled."""


class RedisFlushHands(Hands[RedisFlush]):
    """Puts `redis.flush` in place and takes it back."""

    def check(self, system: System) -> None:
        if system.target.redis is None:
            raise FaultFailed("the target names no Redis nodes")
        if not system.target.redis.cache_prefix:
            raise FaultFailed("the target does not say what the cache's keys begin with")

    def inject(self, system: System) -> str:
        assert system.target.redis is not None
        arguments = {
            "nodes": list(system.target.redis_nodes.values()),
            "prefix": system.target.redis.cache_prefix,
            "every_seconds": self.fault.every.in_seconds,
        }
        return agent.start(system, "redis.flush", "redis_flush", arguments, self.fault.for_.in_seconds)

    def in_place(self, system: System) -> Proof:
        return agent.acts(system, "redis.flush")

    def undo(self, system: System) -> None:
        """What was deleted comes back as it is read."""
        agent.stop(system, "redis.flush")

    def undone(self, system: System) -> Proof:
        return agent.stopped(system, "redis.flush")

    def by_hand(self) -> str:
        return agent.by_hand("<state folder>", "redis.flush")


class RedisFillHands(Hands[RedisFill]):
    """Puts `redis.fill` in place and takes it back."""

    def check(self, system: System) -> None:
        if not 0 < self.fault.share <= 1:
            raise FaultFailed(f"share: {self.fault.share:g}: must be above 0 and at most 1")
        if not system.target.redis_nodes:
            raise FaultFailed("the target names no Redis nodes")
        limits = [_memory(system, node)[1] for node in redis_cluster.masters(system.target.redis_nodes)]
        if not limits or not all(0 < limit <= _MOST_BYTES for limit in limits):
            raise FaultFailed("only masters with a limit of at most 512 MiB are filled")
        # Twice: every key has a copy at a replica.
        if psutil.virtual_memory().available < 2 * 2 * sum(limits):
            raise FaultFailed("the machine has too little memory left to fill Redis")

    def inject(self, system: System) -> str:
        written = sum(self._fill(system, node) for node in redis_cluster.masters(system.target.redis_nodes))
        return f"{written} keys of {len(_VALUE)} bytes written"

    def renew(self, system: System) -> None:
        for node in redis_cluster.masters(system.target.redis_nodes):
            self._fill(system, node)
            if self.fault.share == 1:
                _write(system, node, _ADDED_PER_SECOND)

    def _fill(self, system: System, node: Node) -> int:
        """Write what is missing; returns how many keys that was."""
        used, limit = _memory(system, node)
        written, at_most = 0, 2 * limit // len(_VALUE)  # whatever memory does, this is enough
        while (missing := int((self.fault.share * limit - used) / _SIZE_BYTES)) > 0 and written < at_most:
            _write(system, node, min(missing, _AT_ONCE))
            written += min(missing, _AT_ONCE)
            used, limit = _memory(system, node)
        return written

    def in_place(self, system: System) -> Proof:
        nodes = redis_cluster.masters(system.target.redis_nodes)
        shares = {node.name: used / limit for node in nodes for used, limit in [_memory(system, node)]}
        told = ", ".join(f"{name} uses {share:.1%}" for name, share in shares.items())
        return Proof(bool(shares) and min(shares.values()) >= self.fault.share - _NEAR, told)

    def undo(self, system: System) -> None:
        def empty(node: Node) -> None:
            with redis_cluster.connect(system.target.redis_nodes[node.name]) as client:
                redis_cluster.delete(client, redis_cluster.pattern(_prefix(system)))

        each(redis_cluster.masters(system.target.redis_nodes), empty)

    def undone(self, system: System) -> Proof:
        left = 0
        nodes = redis_cluster.masters(system.target.redis_nodes)
        for node in nodes:
            with redis_cluster.connect(system.target.redis_nodes[node.name]) as client:
                left += sum(1 for _ in client.scan_iter(f"{_prefix(system)}*", count=1000))
        return Proof(left == 0 and bool(nodes), f"{left} keys of ours left on {len(nodes)} masters")

    def by_hand(self) -> str:
        ours = f"{open_name(_WORD)}:"
        return f"delete the keys that begin with {ours} on every master; they expire by themselves within 6 minutes"


def _prefix(system: System) -> str:
    return f"{system.called(_WORD)}:"


def _memory(system: System, node: Node) -> tuple[int, int]:
    """Bytes used and allowed. Raises FaultFailed where the node does not say."""
    told = _info(system, node)
    # What waits to be sent to a replica is gone in a moment, and Redis does not count it towards its limit either.
    return int(told["used_memory"]) - int(told["mem_not_counted_for_evict"]), int(told["maxmemory"])


def _info(system: System, node: Node) -> dict[str, Any]:
    try:
        with redis_cluster.connect(system.target.redis_nodes[node.name]) as client:
            return msgspec.convert(client.info("memory"), dict[str, Any])
    except redis.RedisError as error:
        raise FaultFailed(f"{node.name} does not answer: {type(error).__name__}") from error


def _write(system: System, node: Node, number: int) -> None:
    prefix = f"{_prefix(system)}{node.tag(system.covered(_WORD))}"
    try:
        with redis_cluster.connect(system.target.redis_nodes[node.name]) as client:
            first = client.incrby(f"{prefix}:count", number) - number
            pipeline = client.pipeline(transaction=False)
            pipeline.pexpire(f"{prefix}:count", _LIFE_MS)
            for key in range(first, first + number):
                pipeline.set(f"{prefix}:{key}", _VALUE, px=_LIFE_MS)
            pipeline.execute()
    except redis.RedisError as error:
        raise FaultFailed(f"{node.name} takes no keys: {type(error).__name__}: {error}") from error
