"""Holds all files against each other: alert ⇔ runbook ⇔ promtool case ⇔ experiment."""

import re
from collections.abc import Iterator

from promql_parser import VectorSelector

from alerts.lint.duration import seconds
from alerts.lint.folder import Case, Everything, Query, Rule
from alerts.lint.problem import Problem
from alerts.lint.promql import name_of, read, selectors, selects
from alerts.lint.rules import EVALUATION_SECONDS

HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Reproduce"]
WORDS_OF_A_CLAIM = 5
_EXEMPTIONS = "exemptions.yml"
_EXPERIMENT = re.compile(r"EXP=([\w-]+)")
_NAMED = re.compile(r'alertname="(\w+)"')


def check(everything: Everything) -> Iterator[Problem]:
    """Everything that is missing somewhere, or names what does not exist."""
    yield from _runbooks(everything)
    yield from _pairs(everything)
    known = {name_of(each) for rule in everything.rules for each in behind(rule, everything)}
    for case in everything.cases:
        yield from _names(case, known, everything)
    yield from _claims_of_cases(everything)
    for alert in everything.alerts.values():
        for what in _proofs(alert, everything):
            yield Problem(alert.file, alert.name, what)
    yield from _experiments(everything)
    yield from _exemptions(everything)


def _runbooks(everything: Everything) -> Iterator[Problem]:
    for name in sorted(everything.alerts.keys() - everything.runbooks.keys()):
        yield Problem(everything.alerts[name].file, name, f"has no runbook runbooks/{name}.md")
    for name in sorted(everything.runbooks.keys() - everything.alerts.keys()):
        yield Problem(f"runbooks/{name}.md", "-", "there is no such alert")
    for name, text in everything.runbooks.items():
        file = f"runbooks/{name}.md"
        title, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
        if title.strip() != f"# {name}":
            yield Problem(file, "-", f"does not begin with # {name}")
        if [section.partition("\n")[0].strip() for section in sections] != HEADINGS:
            yield Problem(file, "-", f"its headings are not {', '.join(HEADINGS)}")
        for section in sections:
            heading, _, body = section.partition("\n")
            if not body.strip():
                yield Problem(file, heading.strip(), "is empty")
            if everything.claimed is not None and heading.strip() == "Reproduce":
                yield from _reproduced(name, body, everything.claimed)


def _reproduced(alert: str, text: str, claimed: dict[str, tuple[str, ...]]) -> Iterator[Problem]:
    claimants = {file.removesuffix(".yaml") for file, alerts in claimed.items() if alert in alerts}
    named = set(_EXPERIMENT.findall(text))
    for wrong in sorted(named - claimants):
        yield Problem(f"runbooks/{alert}.md", "Reproduce", f"the experiment {wrong} does not list {alert}")
    if claimants and not named:
        yield Problem(f"runbooks/{alert}.md", "Reproduce", f"does not name {' or '.join(sorted(claimants))}")


def _pairs(everything: Everything) -> Iterator[Problem]:
    for file in sorted({rule.file for rule in everything.rules}):
        if file.replace(".rules.yml", ".test.yml") not in everything.test_files:
            yield Problem(file, "-", "has no test file beside it")
    for file, (rule_files, interval) in everything.test_files.items():
        expected = file.replace(".test.yml", ".rules.yml")
        if rule_files != [expected]:
            yield Problem(file, "rule_files", f"must be [{expected}]; promtool passes when one does not exist")
        if interval != f"{EVALUATION_SECONDS:g}s":
            yield Problem(file, "evaluation_interval", f"must be production's, {EVALUATION_SECONDS:g}s")


def behind(rule: Rule, everything: Everything) -> list[VectorSelector]:
    """What a rule selects among scraped series, through the recording rules it reads."""
    found: list[VectorSelector] = []
    for selector in _selected(rule.expression):
        record = everything.records.get(name_of(selector))
        found += behind(record, everything) if record and record is not rule else [selector]
    return found


def _selected(expression: str) -> list[VectorSelector]:
    try:
        return list(selectors(read(expression)))
    except ValueError:
        return []  # rules.py says that it cannot be read; promtool says so of a case's


def _names(case: Case, known: set[str], everything: Everything) -> Iterator[Problem]:
    for alert in sorted({check.alert for check in case.checks} - everything.alerts.keys()):
        yield Problem(case.file, case.name, f"no such alert: {alert}; promtool passes when it is expected to be silent")
    for metric in sorted({name_of(each) for series in case.series for each in _selected(series)} - known):
        yield Problem(case.file, case.name, f"no rule reads {metric}")
    for query in case.queries:
        for name in sorted({name_of(each) for each in _selected(query.expression)} - known - everything.records.keys()):
            if name != "ALERTS":
                yield Problem(case.file, case.name, f"{query.expression}: no rule reads or records {name}")
        for alert in sorted(set(_NAMED.findall(query.expression)) - everything.alerts.keys()):
            yield Problem(case.file, case.name, f"{query.expression}: no such alert: {alert}")


def _claims_of_cases(everything: Everything) -> Iterator[Problem]:
    seen: set[str] = set()
    for case in everything.cases:
        if case.name in seen:
            yield Problem(case.file, case.name, "another case has the same name")
        seen.add(case.name)
        if not case.checks and not case.queries:
            yield Problem(case.file, case.name, "checks nothing")
        if len(case.name.split()) < WORDS_OF_A_CLAIM:
            yield Problem(case.file, case.name, "a case's name is a claim, in a sentence")


def _proofs(alert: Rule, everything: Everything) -> Iterator[str]:
    """Which of the cases an alert must have are missing."""
    if alert.name in everything.exemptions.always_firing:
        if not any(expected for case in everything.cases for _, expected in _checks(case, alert.name)):
            yield "no case in which it fires"
        return
    firing = [case for case in everything.cases if any(expected for _, expected in _checks(case, alert.name))]
    if not firing:
        yield "no case in which it fires"
        return
    for _, expected in (found for case in firing for found in _checks(case, alert.name)):
        for fired, annotations in expected:
            if not fired.items() >= alert.labels.items() or annotations.keys() != alert.annotations.keys():
                yield "a case expects it to fire without its labels or annotations"
    before = [case for case in firing if _starts(case, alert.name) - EVALUATION_SECONDS in _silent(case, alert.name)]
    if not before:
        yield "no case in which it is silent one evaluation before it fires"
    if not any(max(_silent(case, alert.name), default=-1.0) > _ends(case, alert.name) for case in firing):
        yield "no case in which it resolves"
    if alert.hold and before and not any(_pending_before(case, alert.name) for case in before):
        yield "no case shows that it is pending one evaluation before it fires"
    yield from _healthy_neighbour(alert, everything)


def _checks(case: Case, alert: str) -> list[tuple[float, tuple[tuple[dict[str, str], dict[str, str]], ...]]]:
    return sorted(
        ((seconds(each.at), each.expected) for each in case.checks if each.alert == alert), key=lambda c: c[0]
    )


def _starts(case: Case, alert: str) -> float:
    return min(second for second, expected in _checks(case, alert) if expected)


def _ends(case: Case, alert: str) -> float:
    return max(second for second, expected in _checks(case, alert) if expected)


def _silent(case: Case, alert: str) -> set[float]:
    return {second for second, expected in _checks(case, alert) if not expected}


def _pending_before(case: Case, alert: str) -> bool:
    def shows(query: Query) -> bool:
        in_time = seconds(query.at) == _starts(case, alert) - EVALUATION_SECONDS
        return in_time and any(f'alertname="{alert}",alertstate="pending"' in sample for sample in query.samples)

    return any(shows(query) for query in case.queries)


def _healthy_neighbour(alert: Rule, everything: Everything) -> Iterator[str]:
    quiet = [case for case in everything.cases if _silent(case, alert.name) and not _fires(case, alert.name)]
    if not quiet:
        yield "no case in which it stays silent beside something healthy"
    needed = behind(alert, everything)
    for case in quiet:
        given = [each for series in case.series for each in _selected(series)]
        for unmet in sorted({str(each) for each in needed if not any(selects(each, series) for series in given)}):
            yield f"{case.name!r}: silent only because it lacks {unmet}"


def _fires(case: Case, alert: str) -> bool:
    return any(expected for _, expected in _checks(case, alert))


def _experiments(everything: Everything) -> Iterator[Problem]:
    if everything.claimed is None:
        return
    for file, alerts in everything.claimed.items():
        for alert in sorted(set(alerts) - everything.alerts.keys()):
            yield Problem(file, "alerts", f"no such alert: {alert}")
    claimed = {alert for alerts in everything.claimed.values() for alert in alerts}
    for name, rule in everything.alerts.items():
        if name not in claimed and name not in everything.exemptions.no_experiment:
            yield Problem(rule.file, name, f"no experiment lists it, and {_EXEMPTIONS} does not say why")
    for name in sorted(claimed & everything.exemptions.no_experiment.keys()):
        yield Problem(_EXEMPTIONS, name, "an experiment lists it by now")


def _exemptions(everything: Everything) -> Iterator[Problem]:
    lists = {"no_experiment": everything.exemptions.no_experiment, "always_firing": everything.exemptions.always_firing}
    for place, exempt in lists.items():
        for name, reason in exempt.items():
            if name not in everything.alerts:
                yield Problem(_EXEMPTIONS, f"{place}: {name}", "there is no such alert")
            if len(str(reason).split()) < WORDS_OF_A_CLAIM:
                yield Problem(_EXEMPTIONS, f"{place}: {name}", "has no reason, in a sentence")
