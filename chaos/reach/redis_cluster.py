"""A Redis Cluster as whoever breaks it sees it: each node asked directly, by name, with little patience."""

import contextlib
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

_TIMEOUT_SECONDS = 1.0
_LOOKS_EVERY_SECONDS = 0.01
SLOTS = 16384
"""Of every Redis Cluster."""
_kept: dict[str, str] = {}
"""Path of a password file → what it had."""


@dataclass(frozen=True, slots=True)
class Node:
    """What one node says of itself."""

    name: str
    """Its instance in the target file."""
    id: str
    master: str
    """The id of its master; empty where it is one itself."""
    slots: tuple[tuple[int, int], ...]
    """Ranges of the slots it owns, both ends included."""
    in_sync: bool
    """A replica: its link to its master is up, and it has what its master had when that was asked. A master: at least
    one replica is connected."""
    offset: int
    """How much of its shard's history it has, in bytes."""

    @property
    def owned(self) -> int:
        """How many slots it owns."""
        return sum(last - first + 1 for first, last in self.slots)

    def tag(self, word: str) -> str:
        """A hash tag that puts every key it is in on this node; the word says whose keys they are."""
        first, last = self.slots[0]
        number = 0
        while not first <= key_slot(f"{word}-{number}".encode()) <= last:
            number += 1
        return f"{{{word}-{number}}}"


def connect(address: str) -> Any:
    """A client of one node, as the target file names it, that gives up after a second and never tries twice.

    Raises OSError where the file of its password cannot be read.
    """
    at = urlsplit(address if "://" in address else f"redis://{address}")
    return redis.Redis(
        at.hostname or "",
        at.port or 6379,
        username=at.username,
        password=_password(address),
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        protocol=2,
        # By itself it tries ten times, four seconds long: an undo that looks at two dead nodes would need eight.
        retry=Retry(NoBackoff(), 0),
    )


def keep_in_mind(addresses: Iterable[str]) -> None:
    """Remember the nodes' passwords: an undo must not fail because their folder may not be looked at any more."""
    for address in addresses:
        with contextlib.suppress(OSError):
            _password(address)


def _password(address: str) -> str | None:
    file = dict(parse_qsl(urlsplit(address).query)).get("password_file") if "://" in address else None
    if file is None:
        return None
    try:
        _kept[file] = Path(file).read_text().strip()
    except OSError:
        if file not in _kept:
            raise
    return _kept[file]


def look(addresses: Mapping[str, str]) -> list[Node]:
    """Every node that answers, in the order of their names in the target file."""
    seen = _answering(addresses)
    had = {node.id: node.offset for node in seen if not node.master}
    replicas = (node for node in seen if node.master and node.in_sync)
    behind = [node.name for node in replicas if not _has(addresses[node.name], had.get(node.master))]
    return [replace(node, in_sync=node.in_sync and node.name not in behind) for node in seen]


def masters(addresses: Mapping[str, str]) -> list[Node]:
    """The masters that own slots and answer, those with most slots first."""
    own = [node for node in _answering(addresses) if not node.master and node.slots]
    return sorted(own, key=lambda node: -node.owned)


def health(address: str) -> tuple[str, int]:
    """The cluster's state and how many slots are served, in one node's view. Raises redis.RedisError."""
    with connect(address) as client:
        told = _text(client.execute_command("CLUSTER", "INFO"))
    words = dict(line.split(":", 1) for line in told.split() if ":" in line)
    return words["cluster_state"], int(words["cluster_slots_ok"])


def take_over(address: str) -> None:
    """Have a replica take its master's slots at once, asking nobody. Raises redis.RedisError."""
    with connect(address) as client:
        client.execute_command("CLUSTER", "FAILOVER", "TAKEOVER")


def _answering(addresses: Mapping[str, str]) -> list[Node]:
    """As `look`, but for a replica in sync is who has a link to its master."""
    return [node for name, address in addresses.items() if (node := _look_at(name, address))]


def _look_at(name: str, address: str) -> Node | None:
    try:
        with connect(address) as client:
            lines = _text(client.execute_command("CLUSTER", "NODES")).splitlines()
            replication = client.info("replication")
    except redis.RedisError:
        return None
    fields = next(line.split() for line in lines if "myself" in line.split()[2])
    master = "" if fields[3] == "-" else fields[3]
    if master:
        in_sync = replication.get("master_link_status") == "up"
        offset = replication.get("slave_repl_offset", -1)
    else:
        replicas = (value for key, value in replication.items() if re.fullmatch(r"slave\d+", key))
        in_sync = any(replica["state"] == "online" for replica in replicas)
        offset = replication["master_repl_offset"]
    slots = tuple(_range(word) for word in fields[8:] if "[" not in word)
    return Node(name, fields[0], master, slots, in_sync, offset)


def _has(address: str, offset: int | None) -> bool:
    """Whether a replica gets that far within a second; never, where nobody knows how far.

    Both sides call a replica connected when the first copy has reached it. A master that learns too late that it has
    (it drops an acknowledgement that comes before its child has been reaped) sends nothing more until the next one,
    a second later: what is written meanwhile is on no other node. Measured on a busy machine: 0.9 s, each time.
    """
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while offset is not None and time.monotonic() < deadline:
        try:
            with connect(address) as client:
                if client.info("replication").get("slave_repl_offset", -1) >= offset:
                    return True
        except redis.RedisError:
            return False
        time.sleep(_LOOKS_EVERY_SECONDS)
    return False


def _range(word: str) -> tuple[int, int]:
    first, _, last = word.partition("-")
    return int(first), int(last or first)


def _text(answer: bytes | str) -> str:
    return answer.decode() if isinstance(answer, bytes) else answer


def pattern(prefix: str, word: str = "") -> str:
    """What matches keys with this prefix, and this word in them, whatever special characters these have."""
    escaped = [re.sub(r"([*?\[\]\\])", r"\\\1", part) for part in (prefix, word)]
    return f"{escaped[0]}*{escaped[1]}*" if word else f"{escaped[0]}*"


def delete(client: Any, matching: str) -> int:
    """Delete the keys of one master that match, and say how many there were. Raises redis.RedisError."""
    keys = list(client.scan_iter(matching, count=1000))
    commands = client.pipeline(transaction=False)
    for key in keys:  # one by one, as they are in different slots
        commands.unlink(key)
    commands.execute()
    return len(keys)
