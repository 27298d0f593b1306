"""The debrief of a round: what is told of it, in both documents, and what becomes an action item."""

import msgspec
import pytest

from chaos.facts.game import Answered, AnyGameFact, HoldEnded, InjectTold, Noted, RoundBegan
from chaos.report import action_items, debrief, game_words
from chaos.report.debrief import Debrief
from chaos.spec.faults.process import ProcessKill
from chaos.spec.gameday.deck import Inject
from chaos.spec.gameday.seal import Seal, Sealed
from chaos.spec.gameday.truth import Truth
from chaos.spec.values import Duration
from chaos.verdict.round import ClaimResult, Part, RoundScore
from tests.unit.catalogues import alert, verdict

GAP = "the page came 41 s after users began to hurt"
INJECTS = [
    Inject(Duration(seconds=5), "Is it down?", "sales", "what works, what does not", Duration(seconds=60)),
    Inject(Duration(seconds=20), fault=ProcessKill(Duration(seconds=9), "shop-7")),
    Inject(Duration(seconds=30), "And now?", "the boss", "a time", Duration(seconds=60)),
    Inject(Duration(seconds=900), "Still?", "the press", "nothing before the boss knows"),
]
CLAIMS = [
    ClaimResult("Ann", -1.0, "shop-1", "process", 0.3, False, False, "before the injection"),
    ClaimResult("Ann", 4.0, "shop-1", "network", 0.6, False),
    ClaimResult("Bob", 5.0, "shop-2", "process", 0.9, True),
    ClaimResult("Cid", 6.0, "shop-2", "process", 0.9, True, False, "after the truth was shown"),
]
FACTS: list[AnyGameFact] = [
    InjectTold(2, 15.0, "sales", "Is it down?", 60.0),
    Answered(3, 22.0, "Ann", 2, "Partly.\n- [ ] give Ann a rise"),
    InjectTold(4, 40.0, "the boss", "And now?", 60.0),
    Noted(5, 41.0, "Ann", "hm\n- [ ] and a car"),
]


def told(gaps=(GAP,), items=(), mitigation="restart shop-2", ended="limit", injects=INJECTS, **changes):
    began = RoundBegan(1, 0.0, 0.0, 0.0, "c0ffee", 60.0, 20.0, "B", [], [], [], {}, list(items), 1.0)
    parts = [Part("detect", 4.0, 3.0, words="until it was noticed")]
    score = RoundScore(parts, CLAIMS, {"Bob": 0.005}, 1, 3.0, "", ended, list(gaps), ["Cid"])
    seal = Seal("0" * 32, Sealed("kill", "", 5.0, list(injects), mitigation, False, 1, 0))
    judged = verdict("kill", alert("Down", "late", reason="disk full"), alert("Calm", "quiet"))
    fields = {"verdict": judged, "score": score, "facts": [began, *FACTS], "seal": seal}
    return Debrief(**(fields | changes), truth=Truth(frozenset(), "SIGKILL to shop-2"))


def both(of):
    return debrief.markdown(of), debrief.html(of)


@pytest.mark.parametrize(
    "words",
    [
        "restart shop-2",
        "what works, what does not",
        "nothing before the boss knows",
        "never told",
        "shop-7",
        "Ann, after 7 s: Partly.",
        GAP,
        "0 is certain and right, 0.5 not sure at all",
        "Cid",
    ],
)
def test_both_documents_say_it(words):
    assert [words in document for document in both(told())] == [True, True]


def test_who_was_not_answered_is_told_so():
    markdown, html = both(told())
    assert markdown.count("nobody answered") == 1, "the press was never told, and the fault asked nothing"
    assert html.count("by nobody") == 1


def test_each_claim_says_whether_it_was_right_and_why_it_does_not_count():
    for document in both(told()):
        assert "wrong, not scored: before the injection" in document
        assert "right, not scored: after the truth was shown" in document
    lines = debrief.markdown(told()).splitlines()
    [said] = [line for line in lines if "Bob: shop-2" in line]
    assert said.endswith("90% sure: right")


def test_both_documents_have_alerts_but_for_the_quiet_ones():
    for document in both(told()):
        assert "Alerts" in document
        assert "late" in document
        assert "disk full" in document
        assert "Calm" not in document
    blind = msgspec.structs.replace(told().verdict, alerts=[], alerts_judged=False)
    assert ["names no alerting" in document for document in both(told(verdict=blind))] == [True, True]


def test_a_round_that_needs_no_mitigation_says_so():
    assert ["nothing has to be ended" in document for document in both(told(mitigation=""))] == [True, True]


def test_a_round_that_crashed_is_not_told_as_one_in_which_nothing_was_injected():
    assert ["nothing was injected" in document for document in both(told(ended="broken off"))] == [False, False]
    assert ["nothing was injected" in document for document in both(told(ended=""))] == [True, True]
    assert "broken off" in game_words.line(HoldEnded(1, 0.0, "broken off", None))
    assert "put back" not in game_words.line(HoldEnded(1, 0.0, "broken off", None))


def test_a_gap_is_no_action_item_until_somebody_takes_it_up():
    written = debrief.markdown(told())
    assert GAP in written
    assert debrief.open_items(written) == [], "neither is what people wrote"
    owned = written.replace(f"{GAP} (owner: ,", f"{GAP} (owner: Ann,")
    assert debrief.open_items(owned) == [f"{GAP} (owner: Ann, until: )"]
    marked = written.replace("- [?]", "- [ ]")
    assert debrief.open_items(marked) == [f"{GAP} (owner: , until: )"]


def test_from_round_to_round_an_item_stays_one():
    items = debrief.open_items(debrief.markdown(told()).replace(f"{GAP} (owner: ,", f"{GAP} (owner: Ann,"))
    for seconds in (41, 40, 39):
        written = debrief.markdown(told(gaps=(GAP.replace("41", str(seconds)),), items=[*items, *items]))
        assert written.count("- [ ] the page") == 1
        assert "[?] the page" not in written, "it is one already, by however many seconds the page was late"
        items = debrief.open_items(written)
        assert items == [f"{GAP} (owner: Ann, until: )"]


def test_of_doubles_the_one_with_an_owner_is_kept():
    owned = "Page sooner (owner: Ann, until: Friday)"
    assert action_items.once(["page  sooner (owner: , until: )", owned, "page sooner"]) == [owned]
    assert action_items.once(["look at alert 3", "look at alert 4"]) == ["look at alert 3", "look at alert 4"]
