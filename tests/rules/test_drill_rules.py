"""The same promtool cases hold for the generated rules, in a world 60 times as fast, on each release of Prometheus.

Durations shrink 60-fold but scrapes only 15-fold (15 s to 1 s), so that a drill sees a quarter of production's samples:
every fourth sample of a case is kept, one a second, and its times are divided by 60. The cases' events lie on kept
samples (whole minutes), so that the very same expectations must hold, values in annotations included. Where a floor
held a duration up (the manifest's `clamped`), an expectation may rightly differ; there is none today, and the first one
needs a case of its own here.
"""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from compose.drill_time import DRILL
from compose.pace.timing import Kind, display_duration, parse

KEPT = (DRILL.drill.scrape_interval * DRILL.scale) / DRILL.production.scrape_interval
_RUN = re.compile(r"(?P<start>-?[\d.]+|_)(?P<step>[+-][\d.]+)?(?:x(?P<more>\d+))?")


def expanded(values: str) -> list[str]:
    """Every sample of promtool's shorthand, as text: `0+5x2 _ stale` is 0 5 10 _ stale."""
    samples = []
    for word in values.split():
        if word == "stale":
            samples.append(word)
            continue
        run = _RUN.fullmatch(word)
        assert run, f"unknown notation: {word}"
        more = int(run["more"] or 0)
        if run["start"] == "_":
            samples += ["_"] * max(more, 1)
        else:
            samples += [f"{float(run['start']) + i * float(run['step'] or 0):g}" for i in range(more + 1)]
    return samples


def in_drill(document: dict, rules: list[str]) -> dict:
    """A promtool test file in drill time, for rule files elsewhere."""

    def time(text: str) -> str:
        return display_duration(DRILL.scaled(parse(text, "eval_time")))

    interval = display_duration(DRILL.drill.scrape_interval)
    tests = []
    for test in document["tests"]:
        assert parse(test["interval"], "interval") == DRILL.production.scrape_interval, test["name"]
        scaled = test | {"interval": interval}
        for kind in ("alert_rule_test", "promql_expr_test"):
            scaled[kind] = [case | {"eval_time": time(case["eval_time"])} for case in test.get(kind, [])]
        scaled["input_series"] = [
            series | {"values": " ".join(expanded(series["values"])[:: int(KEPT)])}
            for series in test.get("input_series", [])
        ]
        tests.append(scaled)
    return document | {"rule_files": rules, "evaluation_interval": interval, "tests": tests}


@pytest.mark.parametrize(
    ("values", "samples"),
    [
        ("1x2", "1 1 1"),
        ("0+5x2 100-10x1", "0 5 10 100 90"),
        ("1 _ 1 _x2 stale", "1 _ 1 _ _ stale"),
        ("100000+150x1", "100000 100150"),
    ],
)
def test_shorthand_is_read_as_promtool_reads_it(values, samples):
    assert expanded(values) == samples.split()


def test_a_drill_scrape_falls_on_a_production_scrape():
    assert KEPT.is_integer()


def test_a_rate_over_the_shortest_range_has_no_gap_when_two_scrapes_are_lost(tmp_path, run_tool):
    shortest = display_duration(DRILL.floor(Kind.RANGE))
    interval = display_duration(DRILL.drill.scrape_interval)
    # Prometheus 3 leaves out the sample at the very start of the range, which 2 has.
    always = [
        {"expr": f"count(rate(a_total[{shortest}]))", "eval_time": f"{second}s", "exp_samples": [{"value": 1}]}
        for second in range(4, 16)
    ]
    test = {"interval": interval, "input_series": [{"series": "a_total", "values": "100+5x6 _x2 145+5x20"}]}
    document = {"evaluation_interval": interval, "tests": [test | {"promql_expr_test": always}]}
    (tmp_path / "gap.test.yml").write_text(yaml.safe_dump(document))
    assert "SUCCESS" in run_tool("promtool", "test", "rules", tmp_path / "gap.test.yml")


def test_generated_rules_are_valid(drill, run_tool):
    run_tool("promtool", "check", "rules", *sorted((drill[0] / "rules").glob("*.yml")))


def test_promtool_cases_hold_in_drill_time(drill, test_files, run_tool):
    folder, manifest = drill
    held = [change for change in manifest.clamped if not change.where.endswith(Kind.INTERVAL.value)]
    assert not held, f"clamped durations need drill cases of their own: {held}"

    def hold(area: str) -> None:
        written = folder / f"{area}.test.yml"
        written.write_text(yaml.safe_dump(in_drill(test_files[area], [f"rules/{area}.rules.yml"])))
        output = run_tool("promtool", "test", "rules", written)
        assert output.count("SUCCESS") == 1, output
        assert "no file match pattern" not in output, output

    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        list(side_by_side.map(hold, test_files))
