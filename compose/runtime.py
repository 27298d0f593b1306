"""Which runtime a stack has, and what can be asked of a stack whatever its runtime."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compose import pages, stack, state_folder, tools
from compose.config import grafana
from compose.containers.containers import Containers
from compose.containers.swarm import Swarm
from compose.interrupts import NEVER, Interrupts
from compose.manager import Manager, ProcessState
from compose.native.native import Native
from compose.settings import StackSettings
from compose.stack import Progress, Runtime
from compose.topology import Program, Topology

_RUNTIMES: dict[str, type[Native] | type[Containers]] = {"native": Native, "compose": Containers, "swarm": Swarm}


def up(settings: StackSettings, progress: Progress, interrupts: Interrupts = NEVER) -> Topology:
    """Bring the stack up; see `stack.up`. One of the other runtime in the same state folder is taken down first."""
    standing = _standing(settings, interrupts)
    if settings.runtime not in ("", standing.name):
        stack.down(settings, standing, progress)
        standing = _runtime(settings, settings.runtime, interrupts)
    topology = stack.up(settings, standing, progress, interrupts)
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


def is_being_built(settings: StackSettings) -> bool:
    """Whether set-up builds, in the background, a part that this stack would have. Raises StackError."""
    native = (settings.runtime or _name(settings.state) or Native.name) == Native.name
    return native and any(tools.is_being_built(name) for name in tools.OPTIONAL)


def assert_known(settings: StackSettings) -> None:
    """Raises StackError when the state folder is not ours to touch, or holds what this release does not know."""
    state_folder.mark_of(settings.state)


def manager_of(state: Path) -> Manager:
    """Who starts and stops the programs of the stack in this folder."""
    return _RUNTIMES[_name(state)].manager_of(state)


def promtool(state: Path, arguments: tuple[str, ...]) -> None:
    """Run promtool on the store of the stack in this folder, as whom Prometheus runs as. Raises OSError."""
    _RUNTIMES[_name(state)].promtool(state, arguments)


def _standing(settings: StackSettings, interrupts: Interrupts = NEVER) -> Runtime:
    return _runtime(settings, _name(settings.state) or settings.runtime or next(iter(_RUNTIMES)), interrupts)


def _name(state: Path) -> str:
    mark = state_folder.mark_of(state)
    return mark.runtime if mark else ""


def _runtime(settings: StackSettings, name: str, interrupts: Interrupts) -> Runtime:
    return _RUNTIMES[name](settings, interrupts)
