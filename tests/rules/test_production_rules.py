"""The rules as they go to production pass their own promtool tests."""


def test_rules_are_valid(alerts, run_tool):
    run_tool("promtool", "check", "rules", *sorted(alerts.glob("*.rules.yml")))


def test_promtool_cases_hold(alerts, run_tool):
    files = sorted(alerts.glob("*.test.yml"))
    output = run_tool("promtool", "test", "rules", *files)
    # promtool exits 0 when a test file's rule_files match nothing; it only says so.
    assert output.count("SUCCESS") == len(files), output
    assert "no file match pattern" not in output, output
