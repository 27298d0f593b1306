"""Service instances of a test's own, with settings of its own, beside those of the stack."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from compose.config.programs import service_environment
from compose.settings import ROOT
from tests.ports import free_port
from tests.waiting import until

# Start-up takes one to two seconds; this is for a busy machine.
READY_WITHIN_SECONDS = 30.0
_ENDED_WITHIN_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class OwnInstance:
    """A running instance, asked directly."""

    url: str
    metrics_url: str
    process: subprocess.Popen[bytes]
    _log: Path

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text()

    def is_ready(self) -> bool:
        """Whether it says that it may be given requests."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=1.0).status_code == 200
        except httpx.TransportError:
            return False

    def signal(self, number: int) -> None:
        """Send it a signal, its worker included."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """End it as a crash would."""
        self.signal(signal.SIGKILL)

    def metrics(self) -> dict[str, float]:
        """All its series, named as in the exposition, at one moment."""
        lines = httpx.get(self.metrics_url).text.splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {series: float(value) for series, value in values.items()}


@contextmanager
def own_instance(
    stack, role: str = "shop", app: str | None = None, stderr: int | None = None, **environment: str
) -> Iterator[OwnInstance]:
    """Start an instance of a role as the stack does, with these variables on top, and end it.

    `app` is what to start instead of the role's own application, as gunicorn names it; `stderr` a descriptor that
    takes its lines instead of `log`.
    """
    port, metrics_port = free_port(), free_port()
    told = service_environment(stack.topology.of_role(role)[0], stack.settings, stack.topology)
    prefix = role.upper()
    own = {
        f"{prefix}_INSTANCE": f"{role}-test",
        f"{prefix}_METRICS_PORTS": str(metrics_port),
        f"{prefix}_DRAIN_DELAY": "0s",
    }
    command = [
        Path(sys.executable).with_name("gunicorn"),
        *("-c", ROOT / "services/kit/lifecycle/gunicorn_conf.py", "-k", "asgi", "--bind", f"127.0.0.1:{port}"),
        app or f"services.{role}.main:create_app()",
    ]
    with TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        environment = os.environ | told | own | environment
        told_to = log if stderr is None else stderr
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=told_to, start_new_session=True)
        started = OwnInstance(
            f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}/metrics", process, Path(log.name)
        )
        try:
            until(lambda: _is_ready(started), READY_WITHIN_SECONDS)
            yield started
        finally:
            _end(process)


def _is_ready(instance: OwnInstance) -> bool:
    assert instance.process.poll() is None, f"the instance ended:\n{instance.log}"
    return instance.is_ready()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_ENDED_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
