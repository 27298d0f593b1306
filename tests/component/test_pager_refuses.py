"""`pager.refuse` on a process that writes: it fails while the fault is in place, and not after its undo."""

import resource
import subprocess
import sys

import pytest

from chaos.errors import FaultFailed
from chaos.faults.table import hands_of
from chaos.spec.faults.pager import PagerRefuse
from chaos.spec.target import Instance
from chaos.spec.values import Duration
from tests.fakes import FakeControl, system

WRITER = """
import sys
for line in sys.stdin:
    try:
        with open(sys.argv[1], "a") as file:
            file.write("x")
        print("written", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""
FAULT = PagerRefuse(Duration.parse("5s"))


@pytest.fixture
def writer(tmp_path):
    process = subprocess.Popen(
        (sys.executable, "-c", WRITER, str(tmp_path / "journal")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

    def ask():
        process.stdin.write("\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    assert ask() == "written"
    ask.pid = process.pid
    yield ask
    process.kill()
    process.communicate()


@pytest.fixture
def target(tmp_path, writer):
    whole = system(tmp_path, FakeControl({"pager": True}, pids={"pager": writer.pid}))
    whole.target.instances["pager"] = Instance("pager")
    return whole


def test_it_cannot_write_until_the_undo(target, writer):
    before = resource.prlimit(writer.pid, resource.RLIMIT_FSIZE)
    hands_of(FAULT).check(target)
    assert not hands_of(FAULT).in_place(target).holds
    hands_of(FAULT).inject(target)
    assert writer() == "File too large"
    assert hands_of(FAULT).in_place(target).holds
    assert not hands_of(FAULT).undone(target).holds
    with pytest.raises(FaultFailed, match="already"):
        hands_of(FAULT).check(target)
    for _ in range(2):
        hands_of(FAULT).undo(target)
    assert hands_of(FAULT).undone(target).holds
    assert writer() == "written"
    assert resource.prlimit(writer.pid, resource.RLIMIT_FSIZE) == before


def test_an_undo_before_the_injection_changes_nothing(target, writer):
    hands_of(FAULT).undo(target)
    assert hands_of(FAULT).undone(target).holds
    assert writer() == "written"


def test_a_pager_that_does_not_run_is_refused(target):
    target.control.running["pager"] = False
    with pytest.raises(FaultFailed, match="does not run"):
        hands_of(FAULT).check(target)
    assert not hands_of(FAULT).undone(target).holds


def test_it_blinds_the_pager():
    assert FAULT.blinds() == {"pager"}
