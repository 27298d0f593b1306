"""What set-up builds in the background stands still while there is a run, and goes on whoever dies."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil
import pytest

from chaos.facts import recorder
from chaos.facts.traces import TracesSeen
from chaos.faults.hands import System
from chaos.machine.built_beside import in_the_making, standing_still
from chaos.machine.lock import shared
from chaos.observe.observers import Observers
from chaos.spec.control import Shell
from chaos.spec.pace import Pace
from chaos.spec.target import BuiltBeside, Target, Urls
from compose.settings import ROOT
from tests.fakes import FakeControl

WITHIN_SECONDS = 30.0
# A compiler with one that it has started; both only ever wait, so that nothing here is busy.
COMPILER = ("bash", "-c", "sleep 600 & sleep 600")
RUN = """
import sys, pathlib
from chaos.machine.built_beside import standing_still
from tests.unit.project.test_background_build import target_of
with standing_still(target_of(pathlib.Path(sys.argv[1])), print):
    print("stands", flush=True)
    sys.stdin.read()
"""


def target_of(prefix: Path) -> Target:
    files = {name: f"{prefix}.{name}" for name in ("building", "halt", "going")}
    made = BuiltBeside("Jaeger, which keeps the traces", **files)
    return Target(1, "t", ".", ".", Urls("http://127.0.0.1:1"), Shell({}), {}, built_beside=made)


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def states(group: int) -> list[str]:
    """The state letter of each process of a group that is not over."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(") ")[2].split()
            if int(fields[2]) == group and fields[0] not in "ZX":
                found.append(fields[0])
    return found


@dataclass
class Build:
    """One that is kept in the background."""

    prefix: Path
    keeper: subprocess.Popen[bytes] = field(init=False)

    def begin(self) -> None:
        lock = os.open(f"{self.prefix}.building", os.O_RDWR | os.O_CREAT)
        os.set_inheritable(lock, True)
        # As set-up does it: in a session of its own, with the lock.
        command = ("bash", "-c", f'flock {lock} && exec "$@"', "-", sys.executable, str(ROOT / "tools/background.py"))
        self.keeper = subprocess.Popen((*command, str(self.prefix), *COMPILER), close_fds=False, start_new_session=True)
        os.close(lock)

    def group(self) -> int:
        """The compilers' group; 0: none has begun."""
        found = [child.pid for child in psutil.Process(self.keeper.pid).children()]
        return found[0] if found and os.getpgid(found[0]) == found[0] else 0

    def is_going(self) -> bool:
        return (group := self.group()) != 0 and len(found := states(group)) > 1 and set(found) == {"S"}

    def stands(self) -> bool:
        return set(states(self.group())) == {"T"}


@pytest.fixture
def build(tmp_path) -> Iterator[Build]:
    made = Build(tmp_path / ".jaeger")
    made.begin()
    until(made.is_going, "the build has begun")
    group = made.group()
    yield made
    for end in (lambda: os.killpg(group, signal.SIGKILL), made.keeper.kill):
        with contextlib.suppress(ProcessLookupError):
            end()
    made.keeper.wait()


@contextlib.contextmanager
def a_run(prefix: Path) -> Iterator[subprocess.Popen[str]]:
    run = subprocess.Popen(
        (sys.executable, "-c", RUN, str(prefix)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        lines = iter(run.stdout.readline, "stands\n")
        run.said = "".join(lines)
        yield run
    finally:
        run.kill()
        run.communicate()


def test_it_stands_still_before_a_run_begins_and_goes_on_after_it(build):
    said = []
    with standing_still(target_of(build.prefix), said.append):
        assert build.stands()
        assert in_the_making(target_of(build.prefix)) == "Jaeger, which keeps the traces"
    assert "stands still until the verdict" in said[0]
    until(build.is_going, "it goes on")


def test_it_goes_on_when_the_runner_is_killed(build):
    with a_run(build.prefix) as run:
        assert build.stands()
        run.kill()
        run.wait()
        until(build.is_going, "it goes on")


def test_it_stands_for_as_long_as_any_run_is_on_its_way(build):
    with a_run(build.prefix) as first, a_run(build.prefix):
        first.kill()
        first.wait()
        with standing_still(target_of(build.prefix), str):
            assert build.stands()
        assert build.stands()
    until(build.is_going, "it goes on")


def test_a_keeper_that_dies_leaves_nothing_that_stands_still(build):
    group = build.group()
    with a_run(build.prefix):
        build.keeper.kill()
        until(lambda: not states(group), "the kernel has ended what stood still")
    assert not in_the_making(target_of(build.prefix))


def test_one_that_nobody_can_stop_is_named(build, monkeypatch):
    build.keeper.kill()
    build.keeper.wait()
    monkeypatch.setattr("chaos.machine.built_beside._STANDS_WITHIN_SECONDS", 0.0)
    said = []
    with standing_still(target_of(build.prefix), said.append):
        assert in_the_making(target_of(build.prefix))
    assert "does not stand still" in said[0]


def test_one_that_is_begun_during_a_run_waits_for_its_end(tmp_path):
    made = Build(tmp_path / ".jaeger")
    held = [Path(f"{made.prefix}.{name}") for name in ("halt", "going")]
    with contextlib.ExitStack() as run:
        for file in held:
            run.enter_context(shared(file, 0.0))
        made.begin()
        until(lambda: in_the_making(target_of(made.prefix)), "it is said to be in the making")
        assert made.group() == 0
    until(made.is_going, "it has begun")
    group = made.group()
    made.keeper.terminate()
    assert made.keeper.wait() == 128 + signal.SIGTERM
    until(lambda: not states(group), "what is ended ends whole")


def test_where_nothing_is_built_nothing_is_said(tmp_path):
    said = []
    with standing_still(target_of(tmp_path / ".jaeger"), said.append):
        assert not in_the_making(target_of(tmp_path / ".jaeger"))
    assert not said
    assert not list(tmp_path.glob(".jaeger.halt"))


def test_a_run_beside_it_records_from_its_begin_that_there_are_no_traces_yet(build, tmp_path):
    target = target_of(build.prefix)
    (tmp_path / "e.yaml").write_text("")
    for made, what in (
        (target, ["Jaeger, which keeps the traces"]),
        (msgspec.structs.replace(target, built_beside=None), []),
    ):
        folder = tmp_path / f"runs-{len(what)}"
        recording = recorder.create(folder, "r", tmp_path / "e.yaml", Pace())
        observers = Observers(System(made, FakeControl()), recording, time.monotonic(), 0.0, 0.0)
        observers.begin()
        observers.stop()
        assert [one.in_the_making for one in recording.live.all(TracesSeen)] == what
        recording.close()
