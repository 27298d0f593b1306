"""Whom a rule reaches when its labels are changed on the way, and what it looks at however that is written."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.spec import relabel
from chaos.verdict.standing import Word
from tests.unit.chaos.judge.test_adopting import DOWN, KNOWN, UP, changed, inventory, of

DROP = {"source_labels": ["severity"], "regex": "critical", "action": "drop"}
MILDER = {"source_labels": ["severity"], "regex": "critical", "target_label": "severity", "replacement": "info"}


@pytest.mark.parametrize(
    ("configs", "receivers", "perhaps", "word"),
    [
        ([], ["oncall"], False, Word.PROVABLE),
        ([{"regex": "severity", "action": "labeldrop"}], ["chat"], False, Word.PROVABLE),
        ([DROP], [], False, Word.REACHES_NOBODY),
        ([MILDER], [], False, Word.REACHES_NOBODY),
        ([MILDER | {"replacement": ""}], ["chat"], False, Word.PROVABLE),
        ([{"source_labels": ["pod"], "target_label": "severity"}], ["oncall", "db", "chat"], True, Word.PROVABLE),
        ([{"source_labels": ["pod"], "regex": "x", "action": "keep"}], ["oncall"], True, Word.PROVABLE),
        ([{"regex": "(", "action": "labeldrop"}], [], False, Word.PROVABLE),
    ],
)
def test_whom_it_reaches_is_by_the_labels_that_arrive(configs, receivers, perhaps, word):
    found = of(inventory(relabel=tuple(configs)))
    assert (found.receivers, found.perhaps, found.word) == (receivers, perhaps, word)


_LABELS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["x", "y", "xy"]), max_size=3)
_CONFIGS = st.fixed_dictionaries(
    {"action": st.sampled_from(["replace", "keep", "drop", "labeldrop", "labelkeep", "lowercase", "dropequal"])},
    optional={
        "source_labels": st.lists(st.sampled_from(["a", "b", "c"]), max_size=2),
        "regex": st.sampled_from(["x", "x.*", "a|b", "(.*)", "y;x"]),
        "target_label": st.sampled_from(["a", "b", "d"]),
        "replacement": st.sampled_from(["z", "$1", ""]),
    },
)


@given(_LABELS, _LABELS, st.lists(_CONFIGS, max_size=3))
def test_what_is_said_to_be_known_is_so_whatever_else_an_alert_has(written, more, configs):
    """Of each label that is told its value holds, and what surely arrives or does not is never the other."""
    known, surely = relabel.possible({**written, "name": "n"}, configs)
    really = relabel.sent({**more, **written, "name": "n"}, {}, configs)
    if known is None:
        assert really == {}
        return
    if surely and known.get("name"):
        assert really
    if really:
        assert {name: really.get(name, "") for name in known} == known


def test_of_several_that_record_one_name_each_gives_input():
    recorded = changed(name="up:job", records=True, query=f"sum({UP})")
    other = changed(name="up:job", records=True, query='sum(up{job="gone"})')
    seen = {UP: frozenset({"app-1:80"}), 'up{job="gone"}': frozenset()}
    for both in ((recorded, other), (other, recorded)):
        assert of(inventory(changed(query="up:job < 1"), *both, seen=seen)).has_input is True


def test_a_name_within_braces_is_a_name():
    recorded = changed(name="my.up", records=True, query=f"sum({UP})")
    assert of(inventory(changed(query='{"my.up"} < 1'), recorded)).word is Word.PROVABLE
    assert of(inventory(changed(query='{__name__="up", job="app"} == 0'), seen={})).tells_of_death


def test_that_nothing_fires_keeps_no_rule_about_alerts_from_firing():
    found = of(inventory(changed(query='count(ALERTS{alertstate="firing"}) > 5'), seen={}))
    assert (found.word, found.has_input) == (Word.NEVER_PROVEN, True)


@pytest.mark.parametrize("query", ["hour() > 22", "vector(1)", "time() % 60 < 1"])
def test_what_looks_at_a_clock_alone_has_all_that_it_needs(query):
    assert of(inventory(changed(query=query), seen={})).has_input is True


def test_who_is_asked_for_by_name_is_looked_at_though_he_has_no_series():
    missing = changed(query='absent(up{instance="app-1:80"})')
    assert of(inventory(missing, seen={})).instances == ["app-1"]
    others = changed(query='absent(up{instance!="app-1:80"})')
    assert of(inventory(others, seen={})).instances == []


def test_a_rule_in_two_severities_has_two_words():
    warning = msgspec.structs.replace(DOWN, labels={"severity": "info"})
    assert of(inventory(DOWN), KNOWN).word is Word.PROVABLE
    assert of(inventory(warning), KNOWN).word is Word.REACHES_NOBODY
