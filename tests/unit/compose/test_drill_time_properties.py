"""Whatever durations rules and routing have: their order stays, floors hold and are listed, nothing else changes."""

import re
import tempfile
from datetime import timedelta
from pathlib import Path

import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from compose.drill_time import DRILL, Manifest, generate
from compose.pace.promql import durations, read
from compose.pace.timing import Kind, display_duration, parse

PAGER = "http://127.0.0.1:9"
# A rule that looks back a day is left out of a drill, which has tests of its own.
LENGTHS = st.integers(1, 86_399_999).map(lambda milliseconds: timedelta(milliseconds=milliseconds))
TEXTS = LENGTHS.map(display_duration)
# Names and values that look like durations, and would be spoiled by replacing text.
WORDS = st.sampled_from(["5m", "[1h]", "offset 5m", "for: 30s", "a", 'b"c', "1h5m", "x[5m:]"])
# Shrinking runs the tool hundreds of times; the example as found is small enough.
WITH_FILES = settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
WHERES = {"for": Kind.HOLD, "keep_firing_for": Kind.HOLD}


@st.composite
def rules(draw) -> dict:
    label, text = draw(WORDS), draw(WORDS)
    quoted = label.replace('"', '\\"')
    window, step, back, short = (draw(TEXTS) for _ in range(4))
    rule = {
        "expr": f'max_over_time(rate(x{{w="{quoted}"}}[{short}])[{window}:{step}] offset {back}) > 5',
        "labels": {"severity": draw(st.sampled_from(["critical", "warning"])), "w": label},
        "annotations": {"summary": text, "description": f"{{{{ $value }}}} in {text}"},
    }
    return rule | draw(st.fixed_dictionaries({}, optional={"for": TEXTS, "keep_firing_for": TEXTS}))


@st.composite
def rule_files(draw) -> dict:
    alerts = [
        {"alert": f"A{number}"} | rule for number, rule in enumerate(draw(st.lists(rules(), min_size=1, max_size=4)))
    ]
    return {
        "groups": [
            {"name": draw(WORDS), "rules": alerts} | draw(st.fixed_dictionaries({}, optional={"interval": TEXTS}))
        ]
    }


def routes(children: st.SearchStrategy | None = None) -> st.SearchStrategy:
    waits = {"group_wait": TEXTS, "group_interval": TEXTS, "repeat_interval": TEXTS}
    rest = {"group_by": st.just(["alertname", "5m"])}
    rest |= {"routes": st.lists(children, max_size=2)} if children is not None else {}
    matchers = st.lists(st.sampled_from(['a="5m"', 'b=~"[1h]|5m"', 'c!="30s"']), max_size=2)
    return st.fixed_dictionaries({"matchers": matchers}, optional=waits | rest)


INHIBITIONS = st.lists(
    st.fixed_dictionaries(
        {"source_matchers": st.just(['w="5m"']), "target_matchers": WORDS.map(lambda word: [f"x={word!r}"])},
        optional={"equal": st.just(["30s", "instance"])},
    ),
    max_size=3,
)


@st.composite
def routings(draw) -> dict:
    root = draw(routes(routes(routes())))
    del root["matchers"]
    webhook = {"url": "http://5m.example.com/for/1h", "send_resolved": draw(st.booleans())}
    receivers = [{"name": "pager", "webhook_configs": [webhook]}, {"name": "5m"}]
    document = {"route": {"receiver": "pager"} | root, "receivers": receivers, "inhibit_rules": draw(INHIBITIONS)}
    return document | draw(
        st.fixed_dictionaries({}, optional={"global": st.fixed_dictionaries({"resolve_timeout": TEXTS})})
    )


def generated(document: dict, routing: dict) -> tuple[dict, dict, Manifest]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.rules.yml").write_text(yaml.safe_dump(document))
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(routing))
        manifest = generate(folder, folder / "alertmanager.yml", PAGER, folder / "out")
        written = [
            yaml.safe_load((folder / "out" / each).read_text()) for each in ("rules/a.rules.yml", "alertmanager.yml")
        ]
    return *written, manifest


def without_durations(tree: object) -> object:
    """The tree with what a drill may change blanked: values of known keys, durations of expressions, URLs."""
    if isinstance(tree, list):
        return [without_durations(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    changing = {*WHERES, "interval", "group_wait", "group_interval", "repeat_interval", "resolve_timeout", "url"}
    if {"labels", "annotations"} <= tree.keys():
        expression = re.sub(r'("(?:\\.|[^"\\])*")|\b\d+[a-z][a-z\d]*', lambda m: m[1] or "_", tree["expr"])
        rest = {key: "_" if key in changing else value for key, value in tree.items()}
        return rest | {"expr": expression}
    return {key: "_" if key in changing else without_durations(value) for key, value in tree.items()}


@given(kind=st.sampled_from(Kind), one=LENGTHS, other=LENGTHS)
def test_the_longer_of_two_durations_is_never_the_shorter_in_a_drill(kind, one, other):
    assert DRILL.in_drill(min(one, other), kind) <= DRILL.in_drill(max(one, other), kind)


@given(kind=st.sampled_from(Kind), production=LENGTHS)
def test_a_duration_is_its_sixtieth_or_its_floor_and_never_nothing(kind, production):
    used = DRILL.in_drill(production, kind)
    assert used >= DRILL.floor(kind)
    assert used > timedelta(0)
    if used > max(DRILL.floor(kind), timedelta(milliseconds=1)):
        assert abs(used - production / 60) <= timedelta(microseconds=501)


@WITH_FILES
@given(document=rule_files(), routing=routings())
def test_nothing_but_durations_and_urls_changes_in_rules_and_routing(document, routing):
    drill_rules, drill_routing, _ = generated(document, routing)
    assert without_durations(drill_rules) == without_durations(document)
    # What is left unsaid stays at Alertmanager's default in production and is written out in a drill.
    defaults = {"group_wait": "_", "group_interval": "_", "repeat_interval": "_"}
    expected = without_durations(routing)
    assert without_durations(drill_routing) == expected | {"route": defaults | expected["route"]}
    assert drill_routing["inhibit_rules"] == routing["inhibit_rules"]


@WITH_FILES
@given(document=rule_files(), routing=routings())
def test_every_duration_of_a_rule_is_scaled_held_by_its_floor_and_listed_if_held(document, routing):
    drill_rules, _, manifest = generated(document, routing)
    listed = sorted((change.production, change.scaled, change.used) for change in manifest.clamped)
    expected = []
    for before, after in zip(document["groups"][0]["rules"], drill_rules["groups"][0]["rules"], strict=True):
        pairs = [
            (kind, parse(before[key], key), parse(after[key], key)) for key, kind in WHERES.items() if key in before
        ]
        found = zip(durations(read(before["expr"], "")), durations(read(after["expr"], "")), strict=True)
        pairs += [(kind, length, in_drill) for (kind, length), (_, in_drill) in found]
        for kind, length, in_drill in pairs:
            scaled = max(timedelta(milliseconds=1), timedelta(milliseconds=round(length / timedelta(milliseconds=60))))
            assert in_drill == max(scaled, DRILL.floor(kind)), f"{kind}: {length}"
            if in_drill != scaled:
                expected.append(tuple(display_duration(each) for each in (length, scaled, in_drill)))
    if "interval" in (group := document["groups"][0]):
        length = parse(group["interval"], "interval")
        scaled = DRILL.scaled(length)
        if scaled < DRILL.floor(Kind.INTERVAL):
            expected.append(tuple(display_duration(each) for each in (length, scaled, DRILL.floor(Kind.INTERVAL))))
    assert listed == sorted(expected)
