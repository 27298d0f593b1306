"""The native runtime: brings the stack up as processes of this machine, takes it down, says what is up."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg

from compose import health, ports, processes, programs, render, target_file
from compose.settings import ROOT, StackSettings
from compose.supervisor import ProcessState, Supervisor
from compose.tools import OPTIONAL, Tools, find
from compose.topology import REDIS_REPLICAS_PER_MASTER, Program, Topology, Wave, build

READY_WITHIN_SECONDS = 60.0
STOPPED_WITHIN_SECONDS = 8.0
_MARK = "stormdrill-stack"

Progress = Callable[[str], None]


class StackError(Exception):
    """The stack could not be brought up or down; the message says why and what to do next."""


def up(settings: StackSettings, progress: Progress) -> Topology:
    """Bring the stack up and return once every part is proven healthy.

    A healthy stack with the same settings is left as it is; anything else of ours is cleaned away first.
    Raises StackError after READY_WITHIN_SECONDS for each step, and MissingTool before anything is started.
    """
    tools = find()
    for notice in tools.notices():
        progress(f"note: {notice}")
    topology = _topology(settings, tools)
    with _locked(settings.state):
        if _is_up(settings, topology):
            progress("already up and healthy")
            return topology
        _clean(settings.state, progress)
        if taken := ports.taken(topology.all_ports()):
            raise StackError("\n".join([*taken, "end its owner, or move the whole stack: STORMDRILL_PORT_BASE=<port>"]))
        try:
            _prepare(settings, topology, tools)
            _start(settings, topology, tools, progress)
        except (health.NeverReady, subprocess.CalledProcessError, psycopg.Error, OSError) as error:
            raise StackError(
                f"the stack did not come up: {_explain(error)}\nlogs: {settings.state / 'logs'}"
            ) from error
    return topology


def down(settings: StackSettings, progress: Progress) -> bool:
    """End every process of the stack and remove its state folder; recordings stay.

    Returns whether there was anything. Raises StackError when a process or port outlives it.
    """
    if not settings.state.exists():
        return False
    with _locked(settings.state):
        _clean(settings.state, progress)
        shutil.rmtree(settings.state)
    return True


def is_up(settings: StackSettings) -> bool:
    """Whether this stack's process manager answers and every part of the stack is healthy."""
    return _is_up(settings, _topology(settings, find()))


@contextlib.contextmanager
def whole_stack(settings: StackSettings) -> Iterator[Topology]:
    """Keep `up` and `down` away while something is done to a stack that is up and well.

    Raises StackError when it is not, or when one of the two is at work.
    """
    topology = _topology(settings, find())
    if not settings.state.exists():
        raise StackError("the stack is not up; `make up` brings it up")
    with _locked(settings.state):
        if not Supervisor(settings.state / "supervisor.sock").answers():
            raise StackError("the stack is not up; `make up` brings it up")
        if unwell := health.failures([*health.services(topology), health.haproxy(topology)]):
            raise StackError(f"the stack is not well: {'; '.join(f'{name}: {why}' for name, why in unwell.items())}")
        yield topology


def status(settings: StackSettings) -> tuple[list[tuple[Program, ProcessState | None]], dict[str, str]]:
    """Each program with its process state (None: not running), and what fails its proof, with the reason."""
    topology = _topology(settings, find())
    supervisor = Supervisor(settings.state / "supervisor.sock")
    states = {row.name: row for row in supervisor.processes()} if supervisor.answers() else {}
    rows = [(program, states.get(program.name)) for program in topology.programs]
    return rows, health.failures(health.everything(topology)) if states else {"stack": "not up"}


def _topology(settings: StackSettings, tools: Tools) -> Topology:
    return build(settings, frozenset(name for name in OPTIONAL if not tools.has(name)))


def _is_up(settings: StackSettings, topology: Topology) -> bool:
    mark = settings.state / _MARK
    if not mark.exists() or mark.read_text() != settings.fingerprint():
        return False
    return Supervisor(settings.state / "supervisor.sock").answers() and not health.failures(health.everything(topology))


@contextlib.contextmanager
def _locked(state: Path) -> Iterator[None]:
    # The lock is on the folder itself, so that it leaves no file; 0711 lets Postgres's user pass through.
    if state.exists() and any(state.iterdir()) and not (state / _MARK).exists():
        raise StackError(f"{state} is not a stack's state folder; set STORMDRILL_STATE to an empty or new one")
    state.mkdir(mode=0o711, parents=True, exist_ok=True)
    if state.stat().st_uid != os.getuid():
        raise StackError(f"{state} belongs to another user; set STORMDRILL_STATE")
    state.chmod(0o711)
    descriptor = os.open(state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise StackError(f"another `up` or `down` is at work in {state}; wait for it") from error
    finally:
        os.close(descriptor)


def _clean(state: Path, progress: Progress) -> None:
    supervisor = Supervisor(state / "supervisor.sock")
    if supervisor.answers():
        progress("stopping the stack")
        with contextlib.suppress(OSError):
            supervisor.stop_all()
            _wait_stopped(supervisor, time.monotonic() + STOPPED_WITHIN_SECONDS)
            supervisor.shutdown()
            processes.wait_gone(state, time.monotonic() + 2.0)
    if left := processes.ours(state):
        progress(f"ending {len(left)} processes that an earlier stack left")
        try:
            processes.end(left)
        except TimeoutError as error:
            raise StackError(str(error)) from error
    for child in state.iterdir():
        shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()


def _wait_stopped(supervisor: Supervisor, deadline: float) -> None:
    while any(row.pid for row in supervisor.processes()) and time.monotonic() < deadline:
        time.sleep(0.1)


def _prepare(settings: StackSettings, topology: Topology, tools: Tools) -> None:
    (settings.state / _MARK).write_text(settings.fingerprint())
    processes.begin_ledger(settings.state)
    for folder in ("config", "logs", "data", *(f"data/{program.name}" for program in topology.programs)):
        (settings.state / folder).mkdir(mode=0o711, exist_ok=True)
    render.write_all(settings, topology, tools)
    target_file.write(settings, topology)
    data = settings.state / "data" / "postgres"
    data.chmod(0o700)
    if os.getuid() == 0:
        shutil.chown(data, programs.POSTGRES_USER, programs.POSTGRES_USER)
    initdb = (str(tools.path("initdb")), "-D", str(data), "-U", "stormdrill", "--auth=trust", "--no-sync")
    _run(programs.as_postgres_user((*initdb, "--locale=C", "--encoding=UTF8")), cwd=data)
    with (data / "postgresql.conf").open("a") as conf:
        conf.write(render.postgresql_conf(topology))


def _start(settings: StackSettings, topology: Topology, tools: Tools, progress: Progress) -> None:
    supervisor = _start_supervisor(settings)
    _start_wave(supervisor, topology, Wave.BACKING)
    _wait(health.backing(topology), progress)
    _form_cluster(topology, tools)
    _migrate(settings, topology)
    _wait(health.redis_cluster(topology), progress)
    _start_wave(supervisor, topology, Wave.SERVICES)
    _start_wave(supervisor, topology, Wave.FRONT)
    _wait(health.services(topology) + health.front(topology), progress)


def _start_supervisor(settings: StackSettings) -> Supervisor:
    launcher = str(Path(__file__).with_name("launch.sh"))
    supervisord = str(Path(sys.executable).with_name("supervisord"))
    conf = str(settings.state / "config" / "supervisord.conf")
    out = settings.state / "logs" / "supervisord.out"
    pid = os.posix_spawn(
        launcher,
        (launcher, str(settings.state / "processes"), "supervisord", supervisord, "-c", conf),
        os.environ | {processes.OWNED_BY: str(settings.state)},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(out), os.O_WRONLY | os.O_CREAT, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,  # out of the reach of a Ctrl-C in the terminal
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE],
    )
    supervisor = Supervisor(settings.state / "supervisor.sock")
    deadline = time.monotonic() + 10
    while not supervisor.answers():
        ended, _ = os.waitpid(pid, os.WNOHANG)
        if ended or time.monotonic() > deadline:
            raise StackError(f"supervisord did not start: {out.read_text()[-500:]}")
        time.sleep(0.05)
    return supervisor


def _start_wave(supervisor: Supervisor, topology: Topology, wave: Wave) -> None:
    for program in topology.programs:
        if program.wave is wave:
            supervisor.start(program.name)


def _form_cluster(topology: Topology, tools: Tools) -> None:
    nodes = [f"127.0.0.1:{topology.proxy(node.name).listen}" for node in topology.of_role("redis")]
    replicas = str(REDIS_REPLICAS_PER_MASTER)
    _run((str(tools.path("redis-cli")), "--cluster", "create", *nodes, "--cluster-replicas", replicas, "--cluster-yes"))


def _migrate(settings: StackSettings, topology: Topology) -> None:
    dsn = programs.postgres_dsn(topology.one("postgres").port)
    with psycopg.connect(dsn.rpartition("/")[0] + "/postgres", autocommit=True, connect_timeout=5) as connection:
        connection.execute(f"CREATE DATABASE {programs.DATABASE}")
    for role in ("shop", "inventory"):
        env = programs.service_environment(topology.of_role(role)[0], settings, topology)
        _run((sys.executable, "-m", f"services.{role}.migrate"), env=env, cwd=ROOT)


def _run(argv: tuple[str, ...], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
    subprocess.run(
        argv, check=True, capture_output=True, text=True, timeout=60, cwd=cwd, env=os.environ | dict(env or {})
    )


def _wait(probes: list[health.Probe], progress: Progress) -> None:
    last = time.monotonic()

    def waiting(missing: Mapping[str, str]) -> None:
        nonlocal last
        if time.monotonic() - last > 2:
            last = time.monotonic()
            progress(f"waiting for {', '.join(missing)}")

    health.wait_for(probes, time.monotonic() + READY_WITHIN_SECONDS, waiting)


def _explain(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"{' '.join(map(str, error.cmd[:3]))}… failed: {(error.stderr or error.stdout).strip()[-800:]}"
    return str(error)
