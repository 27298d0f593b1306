"""Which instances HAProxy sends requests, and until when that is so."""

import time
from collections.abc import Iterable
from pathlib import Path

from chaos.claims.bench import Bench
from chaos.claims.stack import Stack
from chaos.errors import SignalUnavailable
from chaos.reach.haproxy import HAProxy

_WITHIN_SECONDS = 30.0
_POLL_SECONDS = 0.1


class Rotation:
    """The shop's instances at the load balancer of one stack."""

    def __init__(self, bench: Bench, stack: Stack) -> None:
        self._bench = bench
        self._haproxy = HAProxy(Path(stack.target.haproxy))

    def only(self, instances: Iterable[str], others: Iterable[str]) -> None:
        """Have requests sent to these alone, and wait until it is so: SignalUnavailable after 30 s, Interrupted."""
        wanted = dict.fromkeys(instances, "ready") | dict.fromkeys(others, "maint")
        for name, state in wanted.items():
            for server in self._haproxy.servers_of(f"shop/{name}"):
                self._haproxy.tell(f"set server {server} state {state}")
        self.until({name: "UP" if state == "ready" else "MAINT" for name, state in wanted.items()})

    def until(self, wanted: dict[str, str]) -> None:
        """Wait until HAProxy says this of each instance; see `only`."""
        deadline = time.monotonic() + _WITHIN_SECONDS
        while (said := {name: self._haproxy.status(f"shop/{name}") for name in wanted}) != wanted:
            if time.monotonic() > deadline:
                raise SignalUnavailable(f"HAProxy says {said} and not {wanted}")
            self._bench.wait(_POLL_SECONDS)
