"""What all tests share: a whole stack of their own, brought up once on its own ports and folder."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from compose import runtime
from compose.settings import ROOT, StackSettings, from_environment
from compose.tools import MissingTool, find_one
from compose.topology import Topology

pytest_plugins = ["tests.limits", "tests.skips"]

# A busy machine makes one of a hundred examples slow, and says nothing of the code by that.
settings.register_profile("busy", settings.default, deadline=None)
settings.load_profile("busy")

# Who is started in the background ignores Ctrl-C, under nohup SIGHUP too, and passes that on; what is tested here must
# hear both.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

TEST_PORT_BASE = os.environ.get("STORMDRILL_TEST_PORT_BASE", "26000")


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack."""

    settings: StackSettings
    topology: Topology
    environment: dict[str, str]
    within: tuple[str, ...] = ()
    """A command in front of `stormdrill`, which says what that finds on this machine."""

    def url(self, role: str) -> str:
        """The base URL of a role; of shop and inventory, through HAProxy."""
        ports = {"shop": self.topology.one("haproxy").port, "inventory": self.topology.inventory_front}
        return f"http://127.0.0.1:{ports.get(role) or self.topology.one(role).port}"

    def instance_url(self, name: str) -> str:
        """The base URL of one instance, asked directly."""
        program = next(program for program in self.topology.programs if program.name == name)
        return f"http://127.0.0.1:{program.port}"

    @property
    def target(self) -> Path:
        """The stack's target file."""
        return self.settings.state / "target.yaml"

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start `stormdrill` with these arguments against this stack's settings."""
        return subprocess.Popen(
            (*self.within, sys.executable, "-m", "chaos", *map(str, arguments)),
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def command(self, *arguments: str | Path) -> tuple[int, str]:
        """Run `stormdrill` to its end: exit code and output."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=180)
        return process.returncode, output


def pytest_report_header() -> list[str]:
    """The versions of the servers the tests run against; the tests in containers need none of them."""
    flags = {"postgres": "--version", "redis-server": "--version", "haproxy": "-v", "prometheus": "--version"}
    return [_version(name, flag) for name, flag in flags.items()]


@pytest.fixture(scope="session")
def stack_environment() -> Iterator[dict[str, str]]:
    """Settings of a stack that nothing else uses; its folder and what runs in it are gone afterwards."""
    # Not pytest's own folder, which Postgres's user cannot reach.
    state = Path(tempfile.mkdtemp(prefix="stormdrill-test-", dir="/var/tmp"))
    runs = Path(tempfile.mkdtemp(prefix="stormdrill-runs-", dir="/var/tmp"))
    environment = os.environ | {
        "RUNTIME": "native",
        "STORMDRILL_PORT_BASE": TEST_PORT_BASE,
        "STORMDRILL_STATE": str(state),
        "STORMDRILL_RUNS": str(runs),
    }
    yield environment
    runtime.down(from_environment(environment), print)
    shutil.rmtree(runs)


@pytest.fixture(scope="session")
def stack(stack_environment) -> Stack:
    """A whole stack, proven healthy."""
    settings = from_environment(stack_environment)
    return Stack(settings, runtime.up(settings, print), stack_environment)


def _version(name: str, flag: str) -> str:
    try:
        program = find_one(name)
    except MissingTool as missing:
        return str(missing)
    done = subprocess.run((program, flag), capture_output=True, text=True, timeout=10, check=False)
    return (done.stdout + done.stderr).splitlines()[0]
