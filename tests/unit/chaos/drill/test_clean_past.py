"""A clean past is made once for each run, ahead where another run follows, and never taken when it is stale."""

import msgspec
import pytest

from chaos.drill.clean_past import FRESH_SECONDS, CleanPast
from chaos.errors import StackUnreachable
from chaos.machine.clock import SystemClock
from chaos.spec import target as targets
from compose import topology
from compose.config import target_file
from compose.native import native
from compose.settings import from_environment

RULES = frozenset({"ShopInstanceDown", "Watchdog"})
COUNTS = ("/bin/sh", "-c", "echo made >> made")
FAILS = ("/bin/sh", "-c", "echo no store >&2; exit 1")


class Later(SystemClock):
    """The machine's clocks, some seconds ahead, on another boot if one is given."""

    def __init__(self, seconds: float, boot: str | None = None) -> None:
        self._seconds = seconds
        self._boot = boot

    def boottime(self) -> float:
        return super().boottime() + self._seconds

    def boot_id(self) -> str:
        return self._boot or super().boot_id()


@pytest.fixture
def target(tmp_path):
    settings = from_environment({"STORMDRILL_STATE": str(tmp_path)})
    written = target_file.write(settings, topology.build(settings), "native", native.control(settings))
    return changed(targets.read(written), tmp_path, COUNTS)


def changed(target, folder, command):
    return msgspec.structs.replace(target, clean_history=list(command), working_directory=str(folder))


def made(folder):
    file = folder / "made"
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_one_made_ahead_is_taken_once(target, tmp_path):
    past = CleanPast(target, SystemClock())
    past.make_ahead(RULES)
    assert made(tmp_path) == 1
    assert (past.take(), past.take()) == (RULES, None)


@pytest.mark.parametrize("clock", [Later(FRESH_SECONDS + 1), Later(-1000), Later(1, "another boot")])
def test_a_stale_one_is_not_taken(target, clock):
    CleanPast(target, SystemClock()).make_ahead(RULES)
    assert CleanPast(target, clock).take() is None


def test_one_that_failed_is_not_there_and_the_next_run_says_why(target, tmp_path):
    past = CleanPast(changed(target, tmp_path, FAILS), SystemClock())
    past.make_ahead(RULES)
    assert past.take() is None
    with pytest.raises(StackUnreachable, match="no store"):
        past.make()


def test_a_stack_without_a_way_to_clean_it_has_none(target, tmp_path):
    past = CleanPast(msgspec.structs.replace(target, clean_history=[]), SystemClock())
    past.make_ahead(RULES)
    assert (made(tmp_path), past.take()) == (0, None)


def test_a_torn_note_counts_as_none(target, tmp_path):
    (tmp_path / "clean_past.json").write_text('{"boot_id":')
    assert CleanPast(target, SystemClock()).take() is None
