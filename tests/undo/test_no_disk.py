"""From the injection on the disk takes no write, or may not be looked at: every fault is put back all the same."""

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest
import yaml

from chaos.undo import watched
from chaos.undo.journal import UndoJournal
from compose.settings import ROOT
from tests.undo import samples
from tests.undo.disk import WAYS, WITHOUT_RIGHTS, disk
from tests.undo.held import UNDONE_WITHIN_SECONDS, held
from tests.undo.leftovers import leftovers, unwell
from tests.waiting import until

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can mount"),
]


@pytest.fixture
def place(tmp_path):
    """A disk for the state folder, and a target file of the stack that names it and no watchdog."""
    with disk(tmp_path / "state") as made:
        yield made


def target_at(stack, place):
    described = yaml.safe_load(stack.target.read_text()) | {"state": str(place.folder)}
    del described["urls"]["watchdog"]
    file = place.folder.with_name("target.yaml")
    file.write_text(yaml.safe_dump(described))
    return file


@contextmanager
def watchdog(target, place, environment, *before):
    """One that watches this disk."""
    command = (*before, sys.executable, "-m", "chaos.undo.watchdog", "--target", str(target))
    with target.with_name("watchdog.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        until(lambda: (one := watched.watches(place.folder)) and one.pid == process.pid, 20)
        yield process
    finally:
        process.terminate()
        process.wait(10)


def await_undone(stack, place):
    def left():
        return leftovers(stack, place.folder) or unwell(stack)

    try:
        until(lambda: not left(), 2 * UNDONE_WITHIN_SECONDS)
    except AssertionError as late:
        raise AssertionError(left()) from late


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kinds", samples.TOGETHER, ids=lambda kinds: kinds[0])
def test_the_watchdog_puts_everything_back(stack, place, tmp_path, kinds, way):
    target = target_at(stack, place)
    with (
        watchdog(target, place, stack.environment, *(WITHOUT_RIGHTS if way == "forbidden" else ())),
        held(stack, tmp_path, *kinds, target=target) as runner,
    ):
        assert leftovers(stack, place.folder) or set(kinds) <= samples.AT_ONCE_OVER, "nothing was broken"
        place.spoil(way)
        runner.kill()
        runner.wait()
        await_undone(stack, place)
        place.mend()
        # Once it can be noted, it is.
        until(lambda: not UndoJournal(place.folder).open(), UNDONE_WITHIN_SECONDS)


@pytest.mark.parametrize("way", ["full", "read-only"])
def test_so_does_make_undo(stack, place, tmp_path, way):
    target = target_at(stack, place)
    with (
        watchdog(target, place, stack.environment) as one,
        held(stack, tmp_path, *samples.TOGETHER[2], target=target) as runner,
    ):
        place.spoil(way)
        one.kill()
        runner.kill()
        runner.wait()
        assert leftovers(stack, place.folder)
        until(lambda: stack.command("undo", "--target", target)[0] == 0, UNDONE_WITHIN_SECONDS)
        await_undone(stack, place)


def test_who_may_not_look_at_it_is_told_so_and_finds_nothing_undone(stack, place, tmp_path):
    target = target_at(stack, place)
    with (
        watchdog(target, place, stack.environment) as one,
        held(stack, tmp_path, *samples.TOGETHER[2], target=target) as runner,
    ):
        place.spoil("forbidden")
        one.kill()
        runner.kill()
        runner.wait()
        code, said = replace(stack, within=WITHOUT_RIGHTS).command("undo", "--target", target)
        assert code not in (0, 4), said
        assert "ermission" in said
        assert "nothing to undo" not in said
        place.mend()
        until(lambda: stack.command("undo", "--target", target)[0] == 0, UNDONE_WITHIN_SECONDS)
        await_undone(stack, place)


@pytest.mark.parametrize("kind", [kind for kinds in samples.TOGETHER for kind in kinds])
def test_so_does_a_runner_and_it_attacks_no_more(stack, place, tmp_path, kind):
    target = target_at(stack, place)
    file = tmp_path / f"{kind}.yaml"
    file.write_text(yaml.safe_dump(samples.experiment(kind, "30s")))
    process = stack.start("run", file, "--target", target)
    recordings = stack.settings.runs / "latest" / "recording.ndjson"
    known = recordings.resolve() if recordings.exists() else None
    try:
        until(lambda: recordings.exists() and recordings.resolve() != known, 30)
        until(lambda: b'"injected"' in recordings.read_bytes() or process.poll() is not None, 90)
        assert process.poll() is None, process.communicate()[0]
        place.spoil("full")
        output, _ = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 6, output
    await_undone(stack, place)
