"""The native runtime: every program is a process of this machine, below one supervisord."""

import contextlib
import os
import pwd
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from compose import versions
from compose.command import run
from compose.config import credentials, programs, render, target_file
from compose.interrupts import NEVER, Interrupts
from compose.native import processes
from compose.native.supervisor import Supervisor
from compose.settings import StackSettings
from compose.stack import Progress, StackError
from compose.tools import OPTIONAL, Tools, build_locks, find, find_one
from compose.topology import REDIS_REPLICAS_PER_MASTER, Topology, Wave, build

STOPPED_WITHIN_SECONDS = 8.0
_PROMTOOL_WITHIN_SECONDS = 20.0  # Prometheus is down meanwhile


@dataclass(frozen=True)
class Native:
    """Runtime by processes of this machine; see `stack.Runtime`."""

    settings: StackSettings
    interrupts: Interrupts = NEVER
    """Looked at where something takes long that `up` takes back."""

    name = "native"

    @property
    def manager(self) -> Supervisor:
        return self.manager_of(self.settings.state)

    @staticmethod
    def manager_of(state: Path) -> Supervisor:
        """The supervisord of the stack in this folder."""
        return Supervisor(socket_of(state))

    @staticmethod
    def promtool(state: Path, arguments: tuple[str, ...]) -> None:
        """Run promtool as this user. Raises MissingTool and subprocess.SubprocessError."""
        run((str(find_one("promtool")), *arguments), within_seconds=_PROMTOOL_WITHIN_SECONDS)

    @cached_property
    def tools(self) -> Tools:
        """The programs that are installed. Raises MissingTool."""
        return find()

    def topology(self) -> Topology:
        """Raises MissingTool."""
        return build(self.settings, frozenset(name for name in OPTIONAL if not self.tools.has(name)))

    def notices(self) -> list[str]:
        notices = self.tools.notices()
        if self.tools.has("jaeger") and self._came_up_without_jaeger():
            notices.append("Jaeger is there now: the stack, which came up without it, is brought up anew, with traces")
        return notices

    def end_all(self, progress: Progress) -> None:
        """Finds them also when supervisord is gone."""
        supervisor, state = self.manager, self.settings.state
        if supervisor.answers():
            progress("stopping the stack")
            with contextlib.suppress(OSError):
                supervisor.stop_all()
                _wait_stopped(supervisor, time.monotonic() + STOPPED_WITHIN_SECONDS)
                supervisor.shutdown()
                processes.wait_gone(state, time.monotonic() + 2.0)
        # What ends may have started another meanwhile.
        while left := processes.ours(state):
            progress(f"ending {len(left)} processes that an earlier stack left")
            try:
                processes.end(left)
            except TimeoutError as error:
                raise StackError(str(error)) from error

    def prepare(self, topology: Topology, progress: Progress) -> None:
        """Raises TooOld. What is up already is not asked for its version."""
        for line in versions.assert_new_enough(self.tools):
            progress(f"note: {line}")
        state = self.settings.state
        processes.begin_ledger(state)
        render.make_folders(self.settings, topology)
        credentials.make(topology.secrets)
        credentials.make_redis(topology.secrets, (topology.at(node.port) for node in topology.of_role("redis")))
        credentials.keep_certificate(self.settings.certificate, topology.secrets)
        render.write_all(self.settings, topology)
        write_supervisord(self.settings, programs.launches(self.settings, topology, self.tools))
        target_file.write(self.settings, topology, self.name, control(self.settings), self._beside())
        self._make_database(topology)

    def start_manager(self) -> None:
        start_supervisord(self.settings)

    def start_wave(self, topology: Topology, wave: Wave) -> None:
        for program in topology.programs:
            if program.wave is wave:
                self.manager.start(program.name)

    def form_cluster(self, topology: Topology) -> None:
        nodes = [topology.at(topology.proxy(node.name).listen) for node in topology.of_role("redis")]
        replicas = ("--cluster-replicas", str(REDIS_REPLICAS_PER_MASTER))
        asks = (str(self.tools.path("redis-cli")), "--user", credentials.OWNER)
        password = {"REDISCLI_AUTH": credentials.redis_password(topology.secrets)}
        run((*asks, "--cluster", "create", *nodes, *replicas, "--cluster-yes"), password, interrupts=self.interrupts)

    def _beside(self) -> dict[str, str]:
        if self.tools.has("jaeger"):
            return {}
        return {"what": "Jaeger, which keeps the traces", **build_locks("jaeger")}

    def _came_up_without_jaeger(self) -> bool:
        config = self.settings.state / "config"
        return (config / "supervisord.conf").exists() and not (config / "jaeger.yaml").exists()

    def _make_database(self, topology: Topology) -> None:
        data = self.settings.state / "data" / "postgres"
        data.chmod(0o700)
        if os.getuid() == 0:
            shutil.chown(data, programs.POSTGRES_USER, programs.POSTGRES_USER)
        # Nobody can connect before there are passwords: it serves nobody until then.
        made = (str(self.tools.path("initdb")), "-D", str(data), "-U", credentials.OWNER, "--auth=reject")
        whole = programs.as_postgres_user((*made, "--no-sync", "--locale=C", "--encoding=UTF8"))
        run(whole, cwd=data, interrupts=self.interrupts)
        # By a Postgres that serves nobody, as initdb makes its own: whoever connects later finds database and roles.
        strict = ("-c", "fsync=off", "-c", "exit_on_error=on")
        alone = (str(self.tools.path("postgres")), "--single", "-D", str(data), *strict, "postgres")
        told = f"CREATE DATABASE {programs.DATABASE}\n{credentials.roles(topology.secrets, programs.DATABASE)}"
        run(programs.as_postgres_user(alone), cwd=data, told=told, interrupts=self.interrupts)
        (data / "pg_hba.conf").write_text(render.PG_HBA)
        with (data / "postgresql.conf").open("a") as conf:
            conf.write(render.postgresql_conf(topology))


def socket_of(state: Path) -> Path:
    """Where the supervisord of the stack in this folder listens."""
    return state / "supervisor.sock"


_CI_MARKS = ("RUNNER_TRACKING_ID", "BUILD_ID", "JENKINS_NODE_COOKIE")
"""Of GitHub's runner and of Jenkins."""


def control(settings: StackSettings) -> dict[str, object]:
    """How an attacker controls the processes; see `Supervisor` in chaos/spec/control.py."""
    return {"type": "supervisor", "socket": str(socket_of(settings.state))}


def write_supervisord(settings: StackSettings, launches: list[programs.Launch]) -> None:
    """Write supervisord's configuration, which has it manage these programs."""
    values: dict[str, object] = {
        "user": pwd.getpwuid(os.getuid()).pw_name if os.getuid() == 0 else "",
        "launcher": _launcher(),
        "programs": launches,
    }
    render.write("supervisord.conf", settings, values)


def _without_ci_marks() -> dict[str, str]:
    # By these CI systems find what a cancelled job has left, and end it: the watchdog has to outlive its runner.
    return {name: value for name, value in os.environ.items() if name not in _CI_MARKS}


def start_supervisord(settings: StackSettings) -> None:
    """Start it, out of the reach of a Ctrl-C, and return once it answers. Raises StackError after 10 s."""
    supervisord = str(Path(sys.executable).with_name("supervisord"))
    conf = str(settings.state / "config" / "supervisord.conf")
    out = settings.state / "logs" / "supervisord.out"
    pid = os.posix_spawn(
        _launcher(),
        (_launcher(), str(settings.state / "processes"), "supervisord", supervisord, "-c", conf),
        _without_ci_marks() | {processes.OWNED_BY: str(settings.state)},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(out), os.O_WRONLY | os.O_CREAT, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,  # out of the reach of a Ctrl-C in the terminal
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE],
    )
    supervisor = Native.manager_of(settings.state)
    deadline = time.monotonic() + 10
    while not supervisor.answers():
        ended, _ = os.waitpid(pid, os.WNOHANG)
        if ended or time.monotonic() > deadline:
            raise StackError(f"supervisord did not start: {out.read_text()[-500:]}")
        time.sleep(0.05)


def _launcher() -> str:
    return str(Path(__file__).with_name("launch.sh"))


def _wait_stopped(supervisor: Supervisor, deadline: float) -> None:
    while any(row.pid for row in supervisor.processes()) and time.monotonic() < deadline:
        time.sleep(0.1)
