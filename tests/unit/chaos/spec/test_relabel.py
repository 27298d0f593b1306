"""What Prometheus makes of an alert's labels before it sends it, as its documentation has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.spec import relabel

ALERT = {"alertname": "Down", "instance": "a:1", "pod": "a-7f9", "team": "Shop"}
_LABELS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["x", "y", "z"]))


@pytest.mark.parametrize(
    ("config", "changed"),
    [
        ({"action": "labeldrop", "regex": "pod|nothing"}, {"pod": None}),
        ({"action": "labelkeep", "regex": "alertname|team"}, {"pod": None, "instance": None}),
        ({"source_labels": ["team"], "target_label": "owner"}, {"owner": "Shop"}),
        (
            {"source_labels": ["pod", "team"], "regex": "(.+)-[^-]+;(?P<who>.*)", "target_label": "${who}_x",
             "replacement": "$1/$who/$2/$9$$"},
            {"Shop_x": "a/Shop/Shop/$"},
        ),
        ({"source_labels": ["team"], "regex": "Other", "target_label": "pod", "replacement": "n"}, {}),
        ({"source_labels": ["team"], "target_label": "pod", "replacement": ""}, {"pod": None}),
        ({"action": "lowercase", "source_labels": ["team"], "target_label": "team"}, {"team": "shop"}),
        ({"action": "labelmap", "regex": "po(.)", "replacement": "k8s_$1"}, {"k8s_d": "a-7f9"}),
        ({"action": "keep", "source_labels": ["team"], "regex": "Shop"}, {}),
        ({"action": "dropequal", "source_labels": ["team"], "target_label": "pod"}, {}),
    ],
)  # fmt: skip
def test_one_relabelling(config, changed):
    expected = {name: value for name, value in (ALERT | changed).items() if value is not None}
    assert relabel.sent(ALERT, {}, [config]) == expected


@pytest.mark.parametrize(
    "config",
    [
        {"action": "drop", "source_labels": ["team"], "regex": "Sh.*"},
        {"action": "keep", "source_labels": ["team"], "regex": "Sh"},
        {"action": "keepequal", "source_labels": ["team"], "target_label": "pod"},
    ],
)
def test_what_is_not_sent_has_no_labels(config):
    assert relabel.sent(ALERT, {"cluster": "eu1"}, [config, {"target_label": "x", "replacement": "y"}]) == {}


def test_a_hash_is_the_one_that_prometheus_computes():
    # Of `foo` modulo 1000, by its own tests.
    config = {"action": "hashmod", "source_labels": ["c"], "target_label": "d", "separator": ";", "modulus": 1000}
    assert relabel.sent({"a": "foo", "b": "bar", "c": "baz"}, {}, [config])["d"] == "976"


@pytest.mark.parametrize("config", [{"action": "whatever"}, {"regex": "("}, {"action": "hashmod"}])
def test_what_cannot_be_understood_is_said(config):
    with pytest.raises(ValueError, match="relabelling"):
        relabel.sent(ALERT, {}, [config])


@given(_LABELS, _LABELS)
def test_an_alerts_own_labels_win_over_external_ones(own, external):
    assert relabel.sent(own, external, []) == external | own
