"""What `adopt` calls proven is what coverage calls proven, by one recording, one set of rules and one routing."""

from dataclasses import replace

import pytest

from chaos.campaign import adoption
from chaos.facts.alerts import RuleSeen
from chaos.facts.inventory import Inventory, RuleRuns
from chaos.judge import adopting
from chaos.judge.adopting import Breakable, Known
from chaos.judge.judge import judge
from chaos.spec import routing
from chaos.verdict.coverage import Matrix, Row
from chaos.verdict.standing import Word
from tests.unit.chaos.campaign.test_staleness import RULES, TREE, found, recorded, rule

_SEEN = {"up": frozenset({"shop-2"})}


def by_coverage(now, tree):
    row = Row("kill", "c", "process.kill", ["Down"], judge(recorded()), stale=found(now, tree))
    matrix = Matrix((row,), tuple(one.name for one in now if not one.records), {})
    return {proof.result.name for proof in matrix.all_proofs()}


def by_adopt(now, tree):
    runs = [
        RuleRuns(
            RuleSeen(
                0.0, "g", one.name, one.records, one.query, one.for_seconds, one.keep_firing_for_seconds, one.labels
            )
        )
        for one in now
    ]
    # The tree is a table for routes alone: its receivers have nothing behind them, which is said before all else.
    routed = replace(routing.read(tree), empty=frozenset())
    proofs = tuple(adoption.proofs_of(recorded(), "run-1"))
    known = Known(Breakable({"shop-2": ()}), proofs, lambda _: None)
    standings = adopting.standings(Inventory(tuple(runs), {}, _SEEN, routing=routed), known)
    return {one.name for one in standings if one.word is Word.PROVEN}


@pytest.mark.parametrize(
    ("now", "tree", "names"),
    [
        (RULES, TREE, {"Down"}),
        (rule("Other", query="up == 0"), TREE, {"Down"}),
        (rule("Down", query="ratio:up < 2"), TREE, set()),
        (rule("Down", for_seconds=2.0), TREE, set()),
        (rule("Down", labels={"severity": "critical"}), TREE, set()),
        (rule("ratio:up", query="min(up)"), TREE, set()),
        ([one for one in RULES if one.name != "Down"], TREE, set()),
        (RULES, TREE.replace("group_wait: 1s", "group_wait: 9s"), set()),
        (RULES, TREE.replace('alertname="Outage"', 'alertname="Other"'), set()),
    ],
)
def test_adopt_and_coverage_call_the_same_alerts_proven(now, tree, names):
    """Issue 23, done when 3: neither calls proven what the other calls stale."""
    assert by_coverage(now, tree) == names
    assert by_adopt(now, tree) == names
