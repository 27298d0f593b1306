"""What measuring code knows of our own stack; whoever can bring one up implements it (chaos/cli/claim_stack.py)."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from chaos.spec.target import Target


class Instance(Protocol):
    """One more instance of a service, beside those of the stack, asked directly."""

    @property
    def url(self) -> str:
        """Its base URL."""

    @property
    def pids(self) -> list[int]:
        """Its master process, then its workers."""


class Stack(Protocol):
    """A stack that is up and well."""

    @property
    def target(self) -> Target:
        """Its endpoints, instances and links; `control_of(target)` stops and starts its processes."""

    def port(self, name: str) -> int:
        """The main port of a program, such as `shop-1` or `haproxy`."""

    def pids(self, name: str) -> list[int]:
        """The processes of a program, its leader first."""

    def instance(
        self, role: str, workers: int, environment: Mapping[str, str], app: str = ""
    ) -> AbstractContextManager[Instance]:
        """One more instance of `shop` or `inventory` with these settings on top of the stack's.

        Returns when it answers /readyz, after 60 s at most, and ends it afterwards. Postgres knows its connections by
        an application name that begins with `beside-`. `app`: another ASGI application, as gunicorn names it, with
        nothing of ours around it. Raises StackUnreachable.
        """


class Stacks(Protocol):
    """Who brings stacks up."""

    def begin(self) -> None:
        """Take down what somebody left up: what was done to it may not have been undone. Raises StackUnreachable."""

    def up(self, environment: Mapping[str, str]) -> Stack:
        """One with these settings (`STORMDRILL_WORKERS`, `SHOP_…`, …) and no others of the user's.

        The one that is up if it has them, else another in its place; waits until it is well. Raises StackUnreachable.
        """

    def down(self) -> None:
        """Take down what is up. Raises StackUnreachable."""
