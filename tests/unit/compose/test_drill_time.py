"""Drill time keeps meaning: only durations change, their order stays, floors hold and are listed."""

import json
import random
import re
from datetime import timedelta

import pytest
import yaml

from compose.drill_time import DRILL, DrillTimeError, generate, main
from compose.pace.promql import durations, read, scale_expression
from compose.pace.timing import Durations, Kind, display_duration, parse

PAGER = "http://127.0.0.1:9"
ROUTING = """
route: {receiver: pager}
receivers:
  - name: pager
    webhook_configs: [{url: http://pager.example.com/receivers/pager, send_resolved: true}]
"""
# Text around durations that must stay as it is: strings, comments and names that look like durations.
TEMPLATES = [
    "rate(x[{}])",
    'rate(x{{window="5m", a=~"offset 5m|\\\\[1h\\\\]"}}[{}]) > 5',
    "rate(job:x:rate5m[{}] offset {})",
    "x offset -{} / x OFFSET {}",
    "max_over_time(rate(x[{}])[{}:{}] offset {}) # over [5m], not offset 1h\n",
    "max_over_time(x[{}:])",
    "sum by (offset) (rate(x[ {} ])) > bool 1e3 and on (offset) rate(y5m[{}] @ 100)",
    "label_replace(rate(x[{}]), 'a', '[1m]', \"b\", '(.*) \\'offset 1m')",
]


def random_durations(seed: int, count: int) -> list[timedelta]:
    """Whole milliseconds from one to a month, as often short as long, sorted."""
    numbers = random.Random(seed)
    return sorted(timedelta(milliseconds=round(10 ** numbers.uniform(0, 9.4))) for _ in range(count))


@pytest.fixture
def sources(tmp_path):
    """Writes rule files and routing, runs the tool on them, and returns (generated folder, manifest)."""

    def run(rules: str | dict[str, str], routing: str = ROUTING):
        named = rules if isinstance(rules, dict) else {"a": rules}
        (tmp_path / "rules").mkdir(exist_ok=True)
        for name, text in named.items():
            (tmp_path / "rules" / f"{name}.rules.yml").write_text(text)
        (tmp_path / "alertmanager.yml").write_text(routing)
        out = tmp_path / "out"
        return out, generate(tmp_path / "rules", tmp_path / "alertmanager.yml", PAGER, out)

    return run


def group(*rules: dict, **keys: str) -> str:
    return yaml.safe_dump({"groups": [{"name": "g", "rules": list(rules)} | keys]})


def written(out, name: str = "a") -> list[dict]:
    return yaml.safe_load((out / "rules" / f"{name}.rules.yml").read_text())["groups"]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("seed", range(5))
def test_order_is_kept_at_least_weakly(kind, seed):
    used = [DRILL.in_drill(each, kind) for each in random_durations(seed, 300)]
    assert used == sorted(used)


@pytest.mark.parametrize("kind", Kind)
def test_a_duration_is_a_sixtieth_in_whole_milliseconds_or_its_floor(kind):
    for each in random_durations(7, 300):
        used = DRILL.in_drill(each, kind)
        assert used >= DRILL.floor(kind)
        assert used > timedelta(0), f"{each} vanished"
        assert used % timedelta(milliseconds=1) == timedelta(0)
        if used not in {DRILL.floor(kind), timedelta(milliseconds=1)}:
            assert abs(used - each / 60) <= timedelta(microseconds=501)


@pytest.mark.parametrize(
    ("kind", "seconds"), [(Kind.RANGE, 4), (Kind.STEP, 1), (Kind.HOLD, 1), (Kind.INTERVAL, 1), (Kind.ROUTING, 0)]
)
def test_floors(kind, seconds):
    assert DRILL.floor(kind) == timedelta(seconds=seconds)


@pytest.mark.parametrize("kind", Kind)
def test_no_duration_stays_none(kind):
    changed = Durations(DRILL)
    assert changed.scale("0s", kind, "here") == "0s"
    assert changed.changes == []


@pytest.mark.parametrize("text", ["5", "five", "", "1.5s", "5M", "-5m", "1m1h"])
def test_what_is_no_duration_is_refused_with_its_place(text):
    with pytest.raises(DrillTimeError, match=r"^file: for: "):
        parse(text, "file: for")


@pytest.mark.parametrize("milliseconds", [1, 83, 999, 1000, 61_000, 5_400_000, 691_200_005])
def test_a_written_duration_reads_back(milliseconds):
    length = timedelta(milliseconds=milliseconds)
    assert parse(display_duration(length), "here") == length


def masked(text: str) -> str:
    """The parser's own debug view of a tree, its durations blanked, its strings (quoted there) left alone."""
    return re.sub(r'("(?:\\.|[^"\\])*")|\b[\d.]+(?:ns|µs|ms|s)\b', lambda m: m[1] or "_", repr(read(text, "here")))


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("seed", range(20))
def test_nothing_but_durations_changes_in_an_expression(template, seed):
    lengths = random_durations(seed, 4)
    random.Random(seed).shuffle(lengths)
    production = template.format(*map(display_duration, lengths))
    changed = Durations(DRILL)
    drill = scale_expression(production, changed, "here")
    assert masked(drill) == masked(production)
    # Put back one by one, the listed changes give the original text to the character.
    pieces = template.format(*["\0"] * template.count("{}")).split("\0")
    assert drill == "".join(p + c.used for p, c in zip(pieces, [*changed.changes, None], strict=True) if c) + pieces[-1]
    assert [change.production for change in changed.changes] == [
        display_duration(each) for each in lengths[: len(changed.changes)]
    ]


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_duration_the_parser_sees_is_scaled(template):
    production = template.format("50m", "2h", "3m", "70m")
    drill = scale_expression(production, Durations(DRILL), "here")
    assert sorted(abs(length) * 60 for _, length in durations(read(drill, ""))) == sorted(
        abs(length) for _, length in durations(read(production, ""))
    )


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("rate(x[300])", "cannot be scaled"),  # a number of seconds, which Prometheus 3 would accept
        ("x offset # now\n 5m", "cannot be scaled"),
        ("rate(x[5m)", "not readable as PromQL"),
    ],
)
def test_an_expression_that_cannot_be_scaled_whole_is_refused(expression, reason):
    with pytest.raises(DrillTimeError, match=reason):
        scale_expression(expression, Durations(DRILL), "here")


def test_durations_of_rules_and_groups_change_and_nothing_else(sources):
    alert = {"alert": "A", "expr": 'rate(x{w="5m"}[10m]) > 5', "for": "2m", "keep_firing_for": "10m"}
    alert |= {"labels": {"severity": "warning", "w": "5m"}, "annotations": {"summary": "for 5m: {{ $value }}"}}
    out, _ = sources(group(alert, interval="2m", limit=3))
    assert written(out) == [
        {
            "name": "g",
            "interval": "2s",
            "limit": 3,
            "rules": [alert | {"expr": 'rate(x{w="5m"}[10s]) > 5', "for": "2s", "keep_firing_for": "10s"}],
        }
    ]


@pytest.mark.parametrize("seed", range(10))
def test_many_rules_keep_everything_but_durations(sources, seed):
    lengths = [display_duration(each) for each in random_durations(seed, 12) if each < timedelta(days=1)]
    rules = [
        {"alert": f"A{n}", "expr": f'rate(x{{n="{length}"}}[{length}]) > {n}', "for": length, "labels": {"n": length}}
        for n, length in enumerate(lengths)
    ]
    out, manifest = sources(group(*rules))
    drill = written(out)[0]["rules"]
    assert [rule | {"expr": 0, "for": 0} for rule in drill] == [rule | {"expr": 0, "for": 0} for rule in rules]
    holds = [parse(rule["for"], "") for rule in drill]
    assert holds == sorted(holds)
    assert holds[0] >= DRILL.drill.evaluation_interval
    assert {change.where for change in manifest.clamped} == {
        change.where for change in manifest.durations if change.scaled != change.used
    }


def test_what_a_floor_held_up_is_listed(sources):
    alert = {"alert": "A", "expr": "rate(x[1m]) > 0", "for": "30s"}
    out, manifest = sources(group(alert))
    assert [(c.where, c.production, c.scaled, c.used) for c in manifest.clamped] == [
        ("a.rules.yml: g[0] A: expr: range", "1m", "1s", "4s"),
        ("a.rules.yml: g[0] A: for", "30s", "500ms", "1s"),
    ]
    listed = json.loads((out / "manifest.json").read_text())["clamped"][1]
    assert listed == {
        "where": "a.rules.yml: g[0] A: for", "production": "30s", "scaled": "500ms", "used": "1s",
    }  # fmt: skip


def test_rules_that_look_back_a_day_are_left_out_with_their_readers(sources):
    long = {"record": "a:x:rate1d", "expr": "rate(x[1d])"}
    chain = {"record": "a:y:max", "expr": "max(a:x:rate1d)"}
    reader = {"alert": "Long", "expr": "a:y:max > 0"}
    kept = {"alert": "Short", "expr": "rate(x[23h]) > 0"}
    out, manifest = sources({"a": group(reader, kept), "b": group(long, chain)})
    assert [rule["alert"] for rule in written(out)[0]["rules"]] == ["Short"]
    assert written(out, "b") == []
    assert {each.name: each.reason for each in manifest.left_out} == {
        "a:x:rate1d": "looks back 1 day, 0:00:00",
        "a:y:max": "reads a:x:rate1d, which is left out",
        "Long": "reads a:y:max, which is left out",
    }
    assert manifest.alerts.keys() == {"Short"}


def test_rules_of_one_name_are_all_kept(sources):
    rules = [{"record": "a:x:rate", "expr": f"rate(x[{w}])", "labels": {"window": w}} for w in ("5m", "1h", "6h")]
    out, _ = sources(group(*rules))
    assert [rule["expr"] for rule in written(out)[0]["rules"]] == ["rate(x[5s])", "rate(x[1m])", "rate(x[6m])"]


def test_a_rule_file_that_production_no_longer_has_is_gone(sources, tmp_path):
    rule = {"alert": "A", "expr": "x > 0"}
    sources({"a": group(rule), "old": group(rule | {"alert": "Old"})})
    (tmp_path / "rules" / "old.rules.yml").unlink()
    out, _ = sources({"a": group(rule)})
    assert [path.name for path in (out / "rules").iterdir()] == ["a.rules.yml"]


def test_an_alert_knows_its_windows_through_recording_rules(sources):
    records = [{"record": "a:x:rate5m", "expr": "rate(x[5m])"}, {"record": "a:x:max", "expr": "max(a:x:rate5m)"}]
    alert = {"alert": "A", "expr": "a:x:max > 0 and rate(x[1h]) > 0", "labels": {"severity": "critical"}}
    _, manifest = sources({"a": group(alert, name="alerts"), "b": group(*records, name="records")})
    timing = manifest.alerts["A"]
    assert timing.ranges_production == (timedelta(minutes=5), timedelta(hours=1))
    assert timing.ranges_drill == (timedelta(seconds=5), timedelta(minutes=1))
    assert timing.records == {"a:x:max": "records", "a:x:rate5m": "records"}
    assert (timing.severity, timing.group) == ("critical", "alerts")


def test_manifest_names_units(sources):
    out, _ = sources(group({"alert": "A", "expr": "rate(x[5m]) > 0", "for": "2m"}))
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["scale"] == 60
    assert manifest["production"]["scrape_interval_seconds"] == 15
    assert manifest["drill"]["evaluation_interval_seconds"] == 1
    alert = manifest["alerts"]["A"]
    assert (alert["for_production_seconds"], alert["for_drill_seconds"]) == (120, 2)
    assert (alert["expr_production"], alert["expr_drill"]) == ("rate(x[5m]) > 0", "rate(x[5s]) > 0")
    assert (alert["ranges_production_seconds"], alert["ranges_drill_seconds"]) == ([300], [5])


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ("groups: [", "not readable as YAML"),
        ("- a list", "no rules in it"),
        (group({"alert": "A", "expr": "x > 0", "for": "soon"}), r"a\.rules\.yml: g\[0\] A: for: 'soon'"),
        (group({"alert": "A", "expr": "time() - x > 60"}), "looks at a clock"),
        (group({"alert": "A", "expr": "x >"}), r"a\.rules\.yml: g\[0\] A: expr: not readable"),
    ],
)
def test_a_file_that_cannot_be_scaled_is_refused_and_nothing_is_written(sources, tmp_path, rules, reason):
    with pytest.raises(DrillTimeError, match=reason):
        sources(rules)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_rules_is_refused(sources):
    with pytest.raises(DrillTimeError, match="every alert silent"):
        sources({})


RULE = group({"alert": "A", "expr": "x > 0"})


def test_command_line_writes_and_says_how_much(sources, tmp_path, capsys):
    sources(RULE)
    again = ["--rules", str(tmp_path / "rules"), "--alertmanager", str(tmp_path / "alertmanager.yml")]
    assert main([*again, "--pager-url", PAGER, "--out", str(tmp_path / "again")]) == 0
    assert capsys.readouterr().out == "1 alerts, 3 durations, 0 clamped\n"
    assert (tmp_path / "again" / "manifest.json").exists()


def test_command_line_names_what_is_wrong_in_one_line(tmp_path, capsys):
    missing = ["--rules", str(tmp_path), "--alertmanager", str(tmp_path / "none.yml")]
    assert main([*missing, "--pager-url", PAGER, "--out", str(tmp_path / "out")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
