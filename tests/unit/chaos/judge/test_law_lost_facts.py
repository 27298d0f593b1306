"""Law 5: whatever one fact is lost, and whoever stops to watch at whatever moment, no run is held for it."""

from collections import Counter
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.facts.alerts import AlertmanagerSeen, PrometheusSeen
from chaos.facts.files import LEDGER_FILE, LOAD_FILE, SESSIONS_FILE
from chaos.facts.pages import PagerSeen, PageSeen
from chaos.facts.run import FaultProof, RunEnded
from chaos.judge.judge import judge
from chaos.report.words import reasons
from tests.unit.chaos.judge.lives import Life, judged_facts, well
from tests.unit.recordings import END, UNDONE

DOWN = [{"name": "Down", "fires_within": "10s", "resolves_within": "10s"}]
LIVES = {
    "held": [well()],
    "a surprise": [well(), well("Slow")],
    "a surprise that nobody was told of": [well(), Life("Slow", "a", 14, 15, 16, told=False)],
    "stuck": [Life("Down", "a", 11, 12, None)],
}


def counted(recording):
    """The same, with what each says at its end that it wrote."""
    wrote = Counter(str(type(fact).__struct_config__.tag) for fact in recording.facts[:-1])
    ended = msgspec.structs.replace(recording.facts[-1], wrote=dict(wrote))
    assert isinstance(ended, RunEnded)
    load = replace(recording.load, lines=3, wrote={LOAD_FILE: 2, LEDGER_FILE: 0, SESSIONS_FILE: 0})
    return replace(recording, facts=(*recording.facts[:-1], ended), load=load)


@pytest.fixture(scope="module", params=LIVES)
def whole(request):
    return counted(judged_facts(LIVES[request.param], DOWN))


@settings(max_examples=100, deadline=None)
@given(place=st.floats(0.0, 1.0))
def test_5_a_lost_fact_never_makes_a_run_held_and_never_refutes_it(whole, place):
    before = judge(whole).outcome
    lost = 1 + round(place * (len(whole.facts) - 2))
    after = judge(replace(whole, facts=(*whole.facts[:lost], *whole.facts[lost + 1 :]))).outcome
    assert after != "held"
    if before == "held":
        assert after == "inconclusive"


@pytest.mark.parametrize("file", [LOAD_FILE, LEDGER_FILE, SESSIONS_FILE])
def test_5_a_lost_line_of_the_users_is_missed(file):
    recording = counted(judged_facts(LIVES["held"], DOWN))
    assert judge(recording).outcome == "held"
    load = replace(recording.load, wrote=recording.load.wrote | {file: 4})
    assert any(file in reason for reason in reasons(judge(replace(recording, load=load))))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from((PrometheusSeen, AlertmanagerSeen, PagerSeen, PageSeen, FaultProof)), st.floats(6.0, END - 7.0))
def test_5_who_stops_to_watch_at_any_moment_is_missed(kind, moment):
    # Its facts are not lost: it never wrote them, so that nothing is missing by number.
    recording = judged_facts(LIVES["held"], DOWN)
    left = tuple(fact for fact in recording.facts if not isinstance(fact, kind) or fact.at < moment)
    stopped = judge(replace(recording, facts=left))
    if kind is not FaultProof or moment < UNDONE - 6:
        assert stopped.outcome != "held"
