"""A signal at every line of `up` and `down`: nothing of a stack is left half."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.errors import Interrupted
from chaos.machine.interrupts import Interrupts
from compose import stack, state_folder
from compose.native import processes
from compose.native.supervisor import Supervisor
from compose.settings import StackSettings
from compose.topology import Topology, build
from tests.conftest import TEST_PORT_BASE
from tests.failpoints import from_there_on, handlers_kept, once_at, watched
from tests.waiting import until

LAUNCHER = Path(processes.__file__).with_name("launch.sh")


@pytest.fixture(autouse=True)
def goes_on():
    with handlers_kept():
        yield


def listening() -> Interrupts:
    interrupts = Interrupts()
    interrupts.listen()
    return interrupts


def outcome(do) -> str:
    try:
        do()
    except Interrupted:
        return "interrupted"
    return "done"


@dataclass
class Sleepers:
    """A runtime whose programs only sleep: their proofs never pass, so that whoever waits for them waits."""

    settings: StackSettings
    name = "native"

    @property
    def manager(self) -> Supervisor:
        return Supervisor(self.settings.state / "none.sock")

    def topology(self) -> Topology:
        return build(self.settings)

    def notices(self) -> list[str]:
        return []

    def end_all(self, progress) -> None:
        while left := processes.ours(self.settings.state):
            processes.end(left)

    def prepare(self, topology, progress) -> None:
        processes.begin_ledger(self.settings.state)
        (self.settings.state / "data").mkdir()

    def start_manager(self) -> None:
        self.start("supervisord")

    def start_wave(self, topology, wave) -> None:
        self.start("postgres")

    def form_cluster(self, topology) -> None:
        raise AssertionError("nobody was proven to be ready")

    def start(self, name: str) -> None:
        state = self.settings.state
        command = (str(LAUNCHER), str(state / "processes"), name, "sleep", "60")
        os.posix_spawn(LAUNCHER, command, os.environ | {processes.OWNED_BY: str(state)}, setsid=True)


@pytest.fixture
def sleepers(tmp_path):
    """A runtime in whose folder an earlier release has left a stack, as its `up` wrote it."""
    runtime = Sleepers(StackSettings(int(TEST_PORT_BASE) + 200, tmp_path / "state", tmp_path / "runs", workers=1))
    yield runtime
    if runtime.settings.state.exists():
        runtime.end_all(print)


def left_by_an_earlier_release(runtime: Sleepers) -> None:
    state = runtime.settings.state
    state.mkdir()
    (state / "stormdrill-stack").write_text(f"native {runtime.settings.fingerprint()}")
    runtime.prepare(None, print)
    runtime.start("redis-1")


def is_gone(runtime: Sleepers) -> bool:
    return not runtime.settings.state.exists() and processes.ours(runtime.settings.state) == []


def test_an_up_that_is_interrupted_at_any_line_leaves_nothing(sleepers):
    places = []

    def until_it_waits(place):
        if (place in places) and place[1] > stack._wait.__code__.co_firstlineno:
            from_there_on(place)(place)
        elif not seams or not seams[-1].arrived:
            places.append(place)

    seams = []

    def bring_up():
        seams.append(listening())
        stack.up(sleepers.settings, sleepers, lambda _: None, seams[-1])

    def interrupted(at):
        left_by_an_earlier_release(sleepers)
        began = time.monotonic()
        with watched((stack,), at):
            ended = outcome(bring_up)
        # And not when it has waited in vain, a minute later.
        assert time.monotonic() - began < stack.READY_WITHIN_SECONDS / 4
        return ended == "interrupted" and is_gone(sleepers)

    assert interrupted(until_it_waits)
    for place in dict.fromkeys(places):
        assert interrupted(from_there_on(place)), place


def test_a_down_that_is_interrupted_at_any_line_goes_on_to_its_end(sleepers):
    places = []

    def take_down(at):
        left_by_an_earlier_release(sleepers)
        with watched((stack, state_folder), at):
            listening()
            assert stack.down(sleepers.settings, sleepers, lambda _: None)
            return is_gone(sleepers)

    assert take_down(places.append)
    for place in dict.fromkeys(places):
        assert take_down(from_there_on(place)), place


def test_a_stack_whose_proofs_are_looked_at_is_not_touched_by_a_signal(sleepers):
    """The `up` of a stack that may be up and well: until that is known, nothing is begun."""
    left_by_an_earlier_release(sleepers)
    state_folder.write_mark(sleepers.settings.state, stack._mark(sleepers.settings, sleepers))
    looked = ("stack.py", stack._is_up.__code__.co_firstlineno + 4)
    with watched((stack,), once_at(looked)):
        assert outcome(lambda: stack.up(sleepers.settings, sleepers, print, listening())) == "interrupted"
    # It may only just be becoming what it is.
    until(lambda: [process.name() for process in processes.ours(sleepers.settings.state)] == ["sleep"])
