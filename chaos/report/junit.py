"""Verdicts as JUnit XML: a case for each check and phase, each alert, each claimed panel, each ledger, and the rest.

A failure says that a claim was refuted, an error that data is missing. A run is red here exactly when it did not hold.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from chaos.report import alert_words, words
from chaos.verdict.catalogue import Catalogue, Entry
from chaos.verdict.finding import Refutation
from chaos.verdict.ledger_finding import Ledger, ledger_of
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.results import AlertResult
from chaos.verdict.verdict import ExitCode, Outcome, Verdict

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One test case; empty: it is well."""

    group: str
    name: str
    failure: str = ""
    error: str = ""
    skipped: str = ""
    """Why there is nothing to say of it, by design."""


def render(verdict: Verdict, seconds: float) -> bytes:
    """The report of one run, which took so many seconds."""
    return _document("stormdrill", seconds, [_suite(verdict.experiment, seconds, cases(verdict))])


def render_all(catalogue: Catalogue) -> bytes:
    """The report of a catalogue run, a suite for each experiment; what was planned and not run is an error."""
    suites = [_suite(entry.experiment, entry.seconds, _entry(entry)) for entry in catalogue.entries]
    suites += [
        _suite(name, 0.0, [Case("evidence", "evidence", error=f"not run: {catalogue.ended_early}")])
        for name in catalogue.left_out
    ]
    return _document(catalogue.id, catalogue.seconds, suites)


def render_cases(name: str, found: Sequence[Case]) -> bytes:
    """The report of what is no run: one suite."""
    return _document("stormdrill", 0.0, [_suite(name, 0.0, found)])


def cases(verdict: Verdict) -> list[Case]:
    """Every case of a run; the last one takes what no other explains."""
    found = [*_checks(verdict), *_alerts(verdict), *_panels(verdict), *_ledgers(verdict), _undo(verdict)]
    return [*found, _evidence(verdict, found)]


def _checks(verdict: Verdict) -> Iterable[Case]:
    for one in verdict.checks:
        yield _case("checks", f"{one.name} {one.phase} {one.bound}", one.holds, words.of_check(one))


def _alerts(verdict: Verdict) -> Iterable[Case]:
    if not verdict.alerts_judged:
        yield Case("alerts", "alerts", skipped="not judged: the target names no alerting")
    for one in verdict.alerts:
        if one.outcome.well:
            yield Case("alerts", _named(one))
        elif one.outcome is AlertOutcome.UNKNOWN and one.blinded:
            yield Case("alerts", _named(one), skipped=f"blinded by design: {alert_words.of_alert(one)}")
        else:
            known = None if one.outcome.open else False
            yield _case("alerts", _named(one), known, words.of_alert(one))


def _panels(verdict: Verdict) -> Iterable[Case]:
    for one in verdict.panels:
        if one.expected is not None:
            well = None if one.unknown else not one.wrong
            yield _case("panels", f"{one.dashboard} / {one.panel}", well, words.of_panel(one))


def _ledgers(verdict: Verdict) -> Iterable[Case]:
    for ledger in Ledger:
        if not verdict.has_ledgers:
            yield Case("ledgers", ledger.value, skipped="not judged: the target's load keeps no ledger")
            continue
        about = [one for one in verdict.findings if ledger_of(one) is ledger]
        wrong = [words.of(one) for one in about if isinstance(one, Refutation)]
        missing = [words.of(one) for one in about if not isinstance(one, Refutation)]
        yield Case("ledgers", ledger.value, "; ".join(wrong), "; ".join(missing))


def _undo(verdict: Verdict) -> Case:
    if verdict.exit_code == ExitCode.UNDO_FAILED:
        return Case(
            "run", "undo", failure="; ".join([*words.reasons(verdict), *(f"by hand: {one}" for one in verdict.by_hand)])
        )
    if verdict.injected is not None and verdict.undone is None:
        return Case("run", "undo", error="the recording does not say that the fault was undone")
    return Case("run", "undo")


def _evidence(verdict: Verdict, others: Sequence[Case]) -> Case:
    told = any(case.failure or case.error for case in others)
    rest = [] if verdict.exit_code == ExitCode.UNDO_FAILED else [one for one in verdict.findings if not ledger_of(one)]
    if rest:
        return Case("run", "evidence", error="; ".join(words.of(one) for one in rest))
    # Whatever was found, a run that did not hold must not look as if it had.
    amiss = verdict.outcome is not Outcome.HELD and not told
    return Case("run", "evidence", error=f"{verdict.outcome.value}, exit {verdict.exit_code}" if amiss else "")


def _case(group: str, name: str, well: bool | None, why: str) -> Case:
    """A case that is well, wrong, or of which nobody knows (None)."""
    return Case(group, name, failure=why if well is False else "", error=why if well is None else "")


def _entry(entry: Entry) -> list[Case]:
    if entry.verdict is None:
        return [Case("run", "evidence", error="; ".join(words.why_not(entry)))]
    found = cases(entry.verdict)
    if not entry.held and not any(case.failure or case.error for case in found):
        found.append(Case("run", "runner", error="; ".join(words.why_not(entry))))
    return found


def _named(alert: AlertResult) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
    return f"{alert.name}{{{labels}}}" if labels else alert.name


def _document(name: str, seconds: float, suites: Sequence[ElementTree.Element]) -> bytes:
    root = ElementTree.Element("testsuites", name=_text(name), time=f"{seconds:.3f}")
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.extend(suites)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _suite(name: str, seconds: float, found: Sequence[Case]) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=_text(name), time=f"{seconds:.3f}", tests=str(len(found)))
    suite.set("failures", str(sum(bool(case.failure) for case in found)))
    suite.set("errors", str(sum(bool(case.error and not case.failure) for case in found)))
    suite.set("skipped", str(sum(bool(case.skipped) for case in found)))
    for case in found:
        classname = _text(f"{name}.{case.group}")
        element = ElementTree.SubElement(suite, "testcase", classname=classname, name=_text(case.name), time="0")
        if case.skipped:
            ElementTree.SubElement(element, "skipped", message=_text(case.skipped))
        for kind, text in (("failure", case.failure), ("error", "" if case.failure else case.error)):
            if text:
                ElementTree.SubElement(element, kind, message=_text(text), type=kind).text = _text(text)
    return suite


def _text(text: str) -> str:
    """What XML 1.0 can hold of a text; ElementTree escapes the rest."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
