"""Which runtime a stack has, and what can be asked of a stack whatever its runtime."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compose import grafana, pages, stack
from compose.containers import Containers
from compose.manager import Manager, ProcessState
from compose.native import Native
from compose.settings import StackSettings
from compose.stack import Progress, Runtime, runtime_of
from compose.swarm import Swarm
from compose.topology import Program, Topology

_RUNTIMES: dict[str, type[Native] | type[Containers]] = {"native": Native, "compose": Containers, "swarm": Swarm}


def up(settings: StackSettings, progress: Progress) -> Topology:
    """Bring the stack up; see `stack.up`. One of the other runtime in the same state folder is taken down first."""
    standing = _standing(settings)
    if settings.runtime not in ("", standing.name):
        stack.down(settings, standing, progress)
        standing = _runtime(settings, settings.runtime)
    topology = stack.up(settings, standing, progress)
    # Whoever looks may have started Jaeger's pages since.
    grafana.write_dashboards(settings, pages.look(topology).traces)
    return topology


def down(settings: StackSettings, progress: Progress) -> bool:
    """Take down the stack that is up, whatever its runtime; see `stack.down`."""
    return stack.down(settings, _standing(settings), progress)


@contextmanager
def whole_stack(settings: StackSettings) -> Iterator[tuple[Topology, Manager]]:
    """The stack that is up and well, and who starts and stops its programs; see `stack.whole_stack`."""
    standing = _standing(settings)
    with stack.whole_stack(settings, standing) as topology:
        yield topology, standing.manager


def status(settings: StackSettings) -> tuple[list[tuple[Program, ProcessState | None]], dict[str, str]]:
    """Each program's state, and what is amiss; see `stack.status`."""
    return stack.status(settings, _standing(settings))


def manager_of(state: Path) -> Manager:
    """Who starts and stops the programs of the stack in this folder."""
    return _RUNTIMES[runtime_of(state)].manager_of(state)


def promtool(state: Path, arguments: tuple[str, ...]) -> None:
    """Run promtool on the store of the stack in this folder, as whom Prometheus runs as. Raises OSError."""
    _RUNTIMES[runtime_of(state)].promtool(state, arguments)


def _standing(settings: StackSettings) -> Runtime:
    return _runtime(settings, runtime_of(settings.state) or settings.runtime or next(iter(_RUNTIMES)))


def _runtime(settings: StackSettings, name: str) -> Runtime:
    return _RUNTIMES[name](settings)
