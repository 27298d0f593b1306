"""A round on the real stack: people come to the table in programs of their own, and nobody is told what is broken."""

import time

import msgspec
import pytest

from chaos.facts import recording
from chaos.facts.game import Acted, HintGiven, HoldEnded, Paged, Ready
from chaos.facts.run import RunEnded
from chaos.gameday import ending, sealing
from chaos.gameday.table import Table
from tests.leaks import EXPERIMENT, SECRET, given_away, told
from tests.waiting import until

pytestmark = pytest.mark.stack

WITHIN_SECONDS = 90.0
ON_ITS_WAY_WITHIN_SECONDS = 60.0
"""From the command, with the stack up, until something may be broken."""
WRITTEN_WITHIN_SECONDS = 5.0
"""From the run's end until the debrief is there."""
DECK = """\
title: A made-up day
earliest: 2s
latest: 3s
limit: 60s
acknowledge_within: 3s
fallback: the second on call
cards:
  - experiment: {secret}-one.yaml
    mitigation: restart shop-2
    injects: [{{ after: 4s, from: sales, text: "Is it down?", within: 60s }}]
"""


def deck(folder):
    (folder / f"{SECRET}-one.yaml").write_text(EXPERIMENT.format(secret=SECRET))
    file = folder / "gameday.yaml"
    file.write_text(DECK.format(secret=SECRET))
    return file


def mitigate(table):
    table.ask("Ann", "restart shop-2")
    until(lambda: table.all(Acted), 30)
    # Its connections may page, and then that is not over either.
    table.ask("Ann", "repair postgres postgres")
    until(lambda: len(table.all(Acted)) == 2, 30)


@pytest.fixture(scope="module")
def round_(stack, tmp_path_factory):
    """One round, played to its end; what was served before and while it lasted; and what it printed."""
    folder = tmp_path_factory.mktemp("gameday")
    latest = stack.settings.runs / "latest"
    before = latest.resolve()
    seen = {"typed": time.time()}
    process = stack.start("gameday", "--deck", deck(folder), "--name", "Host")
    try:
        until(lambda: (latest.resolve() != before and ending.is_round(latest)) or process.poll() is not None, 60)
        assert process.poll() is None, process.communicate()[0]
        table = Table(latest.resolve())
        table.join("Ann", "player")
        seal = sealing.read(table.folder)
        secrets = (SECRET, seal.salt, str(seal.sealed.seed))
        until(lambda: table.all(Ready), WITHIN_SECONDS)
        seen["before"] = told(stack, secrets)
        until(lambda: [page for page in table.all(Paged) if page.firing], WITHIN_SECONDS)
        seen["while"], seen["names"] = told(stack, secrets), given_away(stack)
        page = next(page for page in table.all(Paged) if page.firing)
        table.acknowledge("Ann", page.number)
        table.claim("Ann", "shop-1", "network", 0.3)
        table.hint("Ann")
        until(lambda: table.all(HintGiven), 10)
        table.claim("Ann", "shop-2", "process", 0.9)
        mitigate(table)
        output, _ = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    return table.folder, process.returncode, output, seen


def test_it_goes_from_page_to_debrief(round_):
    folder, code, output, _ = round_
    assert code == 0, output
    assert "PAGE" in output
    assert "The truth: SIGKILL" in output
    assert "debrief.html" in output
    [ended] = Table(folder).all(HoldEnded)
    assert ended.how == "mitigated"
    assert ending.broken_seal(folder) == []
    score = msgspec.json.decode((folder / "score.json").read_bytes())
    parts = {part["name"]: part for part in score["parts"]}
    assert 0 < parts["acknowledge"]["par"] <= parts["acknowledge"]["value"]
    assert parts["diagnose"]["value"] >= parts["acknowledge"]["value"]
    assert score["brier"] == {"Ann": 0.005}


def test_a_fault_may_come_within_a_minute_and_the_debrief_is_there_at_once(round_):
    folder, _, output, seen = round_
    table = Table(folder)
    [ready], ended = table.all(Ready), recording.read(folder).first(RunEnded)
    on_its_way = table.began.wall + ready.at - seen["typed"]
    written = (folder / "debrief.html").stat().st_mtime - table.began.wall - ended.at
    print(f"a fault may come {on_its_way:.1f} s after the command; debrief {written:.1f} s after the end")
    assert on_its_way < ON_ITS_WAY_WITHIN_SECONDS, output
    assert written < WRITTEN_WITHIN_SECONDS, output


def test_until_the_reveal_nothing_that_is_served_says_what_it_is(round_):
    _, _, output, seen = round_
    assert (seen["before"], seen["while"]) == ([], [])
    assert SECRET not in output.partition("The truth")[0]


def test_nothing_that_is_left_on_the_system_has_a_name_of_ours(round_):
    _, _, _, seen = round_
    assert seen["names"] == []


def test_afterwards_the_seal_can_be_checked_and_nothing_is_left(stack, round_):
    folder, *_ = round_
    code, said = stack.command("gameday", "verify", folder)
    assert (code, "as it was sealed" in said) == (0, True), said
    seal = folder / "seal.json"
    whole = seal.read_text()
    seal.write_text(whole.replace('"place": 0', '"place": 1'))
    code, said = stack.command("gameday", "verify", folder)
    seal.write_text(whole)
    assert (code, "the seal is broken" in said) == (1, True), said
    assert stack.command("undo")[1].strip().endswith("nothing to undo")
