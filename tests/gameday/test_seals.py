"""Before the fault comes all rounds look alike, whatever is sealed: nobody learns from waiting."""

import pytest
import yaml

from compose.settings import ROOT
from tests import leaks
from tests.gameday.looks import COMPARED, Looks
from tests.gameday.programs import played, running

pytestmark = [pytest.mark.stack, pytest.mark.slow]

CARDS = (
    *("kill-instance", "latency-postgres", "slow-queries", "throttle-instance", "hot-key"),
    *("lose-redis-majority", "fool-checks", "exhaust-pool", "no-fault", "restart-instance"),
)
TIMES = 3
"""So often what differs is looked for: what a seal gives away is there every time, and what comes by chance is not."""
ABORTED_WITHIN_SECONDS = 60.0


def before(stack, folder, experiment):
    """What is served when a round with this experiment waits for its host."""
    file = folder / "gameday.yaml"
    file.write_text(yaml.safe_dump({"title": "one", "cards": [{"experiment": experiment}]}))
    looks = Looks(stack)
    with played(stack, "--host", "--name", "Host", "--deck", file) as one:
        one.take_seats()
        seen = looks.now()
        one.table.steer("Host", "abort")
        one.wait_for_end(ABORTED_WITHIN_SECONDS)
    assert not one.facts("injected"), "nothing comes before the host starts it"
    print(f"{experiment}: looked at after {one.ready.at:.0f} s", flush=True)
    return {(place, line) for place, lines in seen.items() for line in lines}


# Some twelve rounds of half a minute, and two more for each in which something came by chance.
@pytest.mark.timeout(2400)
def test_ten_rounds_look_alike_until_their_fault_comes(stack, tmp_path):
    assert all((ROOT / "chaos" / "experiments" / f"{name}.yaml").exists() for name in CARDS)
    before(stack, tmp_path, CARDS[0])  # what a new stack meets for the first time is there from then on
    first = [before(stack, tmp_path, CARDS[0]) for _ in range(2)]
    known, always = first[0] | first[1], first[0] & first[1]
    assert {place for place, _ in always} == set(COMPARED), "there is something to compare in every place"
    for name in CARDS[1:]:
        differs = set.intersection(*differences(lambda name=name: before(stack, tmp_path, name), known, always))
        said = "\n".join(f"  {how} {place}: {line}" for how, place, line in sorted(differs))
        assert not differs, (
            f"{name} can be told from {CARDS[0]} before its fault comes, {TIMES} times of {TIMES}:\n{said}"
        )


def differences(look, known, always):
    """What each of TIMES rounds has that no other has, or lacks that all have; as many as it takes to have none."""
    found = []
    while len(found) < TIMES and (not found or set.intersection(*found)):
        seen = look()
        found.append({("only here,", *one) for one in seen - known} | {("not here,", *one) for one in always - seen})
    return found


SHOWS = (*("series", "toxics", "watchdog", "processes", "connections", "redis-1", "runs", "recording.ndjson", "state"),)
"""Where an unsealed run says what it does: each place at which a round could be given away is one that is looked at."""
CHANGES = tuple(place for place in COMPARED if place not in ("runs", "game.ndjson"))
"""What is compared and is not as it was before, once a fault is there; the other two are seen to be looked at above."""


def test_the_same_faults_unsealed_give_themselves_away_in_every_place(stack, tmp_path):
    file = tmp_path / f"{leaks.SECRET}-one.yaml"
    file.write_text(leaks.EXPERIMENT.format(secret=leaks.SECRET))
    looks, said, changed = Looks(stack), set(), set()

    def more():
        said.update(leaks.told(stack, (leaks.SECRET,)), (place for place, _ in leaks.given_away(stack)))
        changed.update(place for place, seen in looks.now().items() if seen != healthy[place])
        return (said.issuperset(SHOWS) and changed.issuperset(CHANGES)) or one.process.poll() is not None

    with running(stack, "run", file, "--target", stack.target) as one:
        one.wait(lambda: "baseline" in [fact["phase"] for fact in one.facts("phase_began")], 120, "the baseline")
        healthy = looks.now()
        assert not one.facts("injected"), "what is compared with was looked at before anything was broken"
        one.wait(more, 150, f"all of {SHOWS} to give it away, and all of {CHANGES} to change")
        one.wait_for_end(150)
    never = (set(SHOWS) - said, set(CHANGES) - changed)
    assert never == (set(), set()), f"nothing gave it away in {never[0]}, nothing changed in {never[1]}:\n{one.said}"
