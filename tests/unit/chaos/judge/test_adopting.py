"""What is said of a rule before anything is broken: one word, and never a better one than what is known allows."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.facts.alerts import RuleSeen
from chaos.facts.inventory import Inventory, LiveAlert, RuleRuns, Silence
from chaos.judge import adopting
from chaos.judge.adopting import Breakable, Known, Proof
from chaos.spec import routing
from chaos.verdict.standing import Adopted, Word, news

AM = """
route:
  receiver: chat
  routes:
    - { matchers: ['severity="critical"'], receiver: oncall }
    - { matchers: ['severity="info"'], receiver: nobody }
    - { matchers: ['team="db"', 'severity="low"'], receiver: db }
inhibit_rules: [{ source_matchers: ['alertname="Outage"'], target_matchers: ['severity="critical"'], equal: [job] }]
receivers: [{ name: chat, slack_configs: [{}] }, { name: oncall, webhook_configs: [{ url: "http://x" }] },
            { name: nobody }, { name: db, email_configs: [{ to: a }] }]
"""
UP = 'up{job="app"}'
SEEN = {UP: frozenset({"app-1:80", "app-2:80"})}
DOWN = RuleSeen(0.0, "g", "Down", False, f"{UP} == 0", 60.0, 0.0, {"severity": "critical"}, {}, 15.0)
KNOWN = Known(Breakable({"app-1": ("app-1:80",)}), (), lambda _: (120.0, 330.0))


def inventory(*rules, seen=SEEN, **more):
    runs = tuple(one if isinstance(one, RuleRuns) else RuleRuns(one) for one in rules or (DOWN,))
    return Inventory(runs, {"app": 15.0}, seen, routing=routing.read(AM), **more)


def changed(rule=DOWN, **by):
    return msgspec.structs.replace(rule, **by)


def of(given, known=KNOWN):
    (found,) = adopting.standings(given, known)
    return found


def proof(rule=DOWN, labels=None, **more):
    there = {"severity": "critical", "instance": "app-1:80"} if labels is None else labels
    return Proof(rule.name, there, (adopting.text_of(rule),), "run-1", **more)


def proven_by(*proofs):
    return Known(KNOWN.breakable, proofs, KNOWN.delays)


def test_what_looks_at_an_instance_of_the_target_is_provable():
    found = of(inventory())
    assert (found.word, found.why, found.instances) == (Word.PROVABLE, "it looks at app-1", ["app-1"])
    assert (found.receivers, found.perhaps, found.delay_seconds) == (["oncall"], False, 120.0)
    assert found.kept_back == ["inhibited by alertname=Outage"]
    assert of(inventory(), Known(Breakable({"app-9": ()}), (), KNOWN.delays)).word is Word.NEVER_PROVEN
    link = changed(query='rate(calls_total{to="postgres"}[5m]) > 1')
    by_link = Known(Breakable({}, ("postgres",)), (), KNOWN.delays)
    assert of(inventory(link, seen={'calls_total{to="postgres"}': frozenset({"x"})}), by_link).links == ["postgres"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (inventory(RuleRuns(DOWN, "err: many-to-many")), "it is not evaluated: err: many-to-many"),
        (inventory(seen={UP: frozenset()}), f"in the last hour there was no series of {UP}"),
    ],
)
def test_what_cannot_fire(given, why):
    found = of(given, proven_by(proof()))
    assert (found.word, found.why) == (Word.CANNOT_FIRE, why)


def test_of_what_nobody_told_it_is_not_said_that_it_cannot_fire():
    found = of(inventory(seen={UP: None}))
    assert (found.word, found.has_input) == (Word.NEVER_PROVEN, None)


def test_one_of_two_selectors_of_an_or_is_enough_and_both_of_an_and_are_needed():
    both = {"a": frozenset({""}), "b": frozenset()}
    assert of(inventory(changed(query="a > 1 or b > 1"), seen=both)).has_input is True
    assert of(inventory(changed(query="a > 1 and b > 1"), seen=both)).word is Word.CANNOT_FIRE
    assert of(inventory(changed(query='absent(b{x="y"})'), seen={})).has_input is True


def test_input_is_looked_for_behind_recording_rules():
    recorded = changed(name="up:app", records=True, query=f"sum({UP})")
    given = inventory(changed(query="up:app < 1"), recorded)
    assert of(given).word is Word.PROVABLE
    assert of(inventory(changed(query="up:app < 1"), recorded, seen={UP: frozenset()})).word is Word.CANNOT_FIRE


def test_who_is_routed_to_a_receiver_without_anything_behind_it_reaches_nobody():
    found = of(inventory(changed(labels={"severity": "info"})))
    assert (found.word, found.why, found.receivers) == (Word.REACHES_NOBODY, "nobody has nothing behind it", [])


@pytest.mark.parametrize(
    ("matchers", "word"),
    [
        ([("alertname", "=", "Down")], Word.REACHES_NOBODY),
        ([("severity", "=~", "crit.*")], Word.REACHES_NOBODY),
        ([("alertname", "=", "Other")], Word.PROVABLE),
        ([("alertname", "=", "Down"), ("instance", "=", "app-1:80")], Word.PROVABLE),
    ],
)
def test_a_forgotten_silence_is_named(matchers, word):
    """Case C11; one for some instances alone leaves the others."""
    found = of(inventory(silences=(Silence("s1", "lea", "18:00", tuple(matchers)),)))
    assert found.word is word
    said = [one for one in found.kept_back if one.startswith("silence s1 of lea until 18:00")]
    assert bool(said) == (matchers[0][2] != "Other")


def test_labels_that_the_rule_does_not_write_may_decide_who_is_told():
    found = of(inventory(changed(labels={"severity": "low"})))
    assert (found.receivers, found.perhaps) == (["db", "chat"], True)
    templated = of(inventory(changed(labels={"severity": "{{ $labels.severity }}"})))
    assert (set(templated.receivers), templated.perhaps) == ({"oncall", "chat", "db"}, True)
    external = of(inventory(changed(labels={"severity": "low"}), external={"team": "db"}))
    assert (external.receivers, external.perhaps) == (["db"], False)


def test_what_fires_now_says_whom_it_reaches():
    live = LiveAlert("Down", {"severity": "critical", "instance": "a"}, ("chat",), ("silence s1",))
    found = of(inventory(live=(live,)))
    assert (found.receivers, found.firing) == (["oncall", "chat"], 1)
    assert "now: silence s1" in found.kept_back
    other = of(inventory(live=(LiveAlert("Down", {"severity": "warning"}, ("chat",)),)))
    assert other.firing == 0


def test_a_proof_is_of_the_rule_as_it_is_and_of_none_that_only_has_its_name():
    """Case C07: one name, two severities."""
    assert of(inventory(), proven_by(proof())).word is Word.PROVEN
    assert of(inventory(changed(for_seconds=61.0)), proven_by(proof())).word is Word.PROVABLE
    assert of(inventory(), proven_by(proof(ways="other"))).word is Word.PROVABLE
    warning = changed(labels={"severity": "warning"}, query=f"{UP} < 1")
    critical, mild = adopting.standings(inventory(DOWN, warning), proven_by(proof()))
    assert (critical.word, mild.word) == (Word.PROVEN, Word.PROVABLE)


def test_what_another_dialect_says_is_not_judged_by_its_input():
    found = of(inventory(changed(query="sum(up) default 0 keep_metric_names")))
    assert (found.word, found.digest) == (Word.NEVER_PROVEN, "")


_NAMES = st.sampled_from(["team", "severity", "job"])
_LABELS = st.dictionaries(_NAMES, st.sampled_from(["db", "critical", "info", "low", "x"]), max_size=3)


@given(_LABELS, _LABELS)
def test_whoever_is_told_in_the_end_was_said_to_be_possible(written, more):
    """Whatever labels series add to those that a rule writes."""
    routed = routing.read(AM)
    ways, perhaps = routed.possible("Down", written)
    possible = {str(way["receiver"]) for way in ways}
    told = routed.receivers("Down", more | written)
    assert set(told) <= possible
    if not perhaps:
        assert set(told) == possible


def test_news_are_what_has_changed_and_nothing_else():
    before = Adopted([of(inventory())])
    assert news(None, before) == []
    assert news(before, before) == []
    proven = Adopted([of(inventory(), proven_by(proof()))], instances=["c:1"])
    assert news(before, proven) == [
        "Down{severity=critical} was provable and is proven: run run-1",
        "new instance c:1",
    ]
    assert news(before, Adopted([of(inventory(changed(for_seconds=9.0)))])) == [
        "rule Down{severity=critical} has changed"
    ]
    assert news(before, Adopted([of(inventory(changed(name="Up")))])) == [
        "new rule Up{severity=critical}: provable",
        "rule Down{severity=critical} is gone; it was provable",
    ]
