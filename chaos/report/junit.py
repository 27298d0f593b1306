"""Verdicts as JUnit XML: a case for each check and phase, each alert, each claimed panel, each ledger, and the rest.

A failure says that a claim was refuted, an error that data is missing. A run is red here exactly when it did not hold.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from chaos.judge import checks, panel_change
from chaos.verdict.catalogue import Catalogue, Entry
from chaos.verdict.outcome import AlertOutcome
from chaos.verdict.verdict import AlertResult, ExitCode, Outcome, Verdict

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LEDGERS = {
    "orders": re.compile(r"(\d+|\d+ of \d+|the) orders |\d+ of \d+ reads did not show an acknowledged order"),
    "sessions": re.compile(
        r"[\d.]+% of \d+ acknowledged sessions|(\d+|the) sessions |\d+ products in carts|none of \d+ log-ins"
    ),
}
"""How the judge's reasons about each begin; one that is worded anew is told by the case `evidence` instead."""
_NOT_READ = re.compile("read back|log-ins")


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


def cases(verdict: Verdict) -> list[Case]:
    """Every case of a run; the last one takes what no other explains."""
    found = [*_checks(verdict), *_alerts(verdict), *_panels(verdict), *_ledgers(verdict), _undo(verdict)]
    return [*found, _evidence(verdict, found)]


def _checks(verdict: Verdict) -> Iterable[Case]:
    for one in verdict.checks:
        wrong, missing = checks.failures([one]), checks.missing([one])
        yield Case("checks", f"{one.name} {one.phase} {one.bound}", "; ".join(wrong), "; ".join(missing))


def _alerts(verdict: Verdict) -> Iterable[Case]:
    if not verdict.alerts_judged:
        yield Case("alerts", "alerts", skipped="not judged: the target names no alerting")
    for one in verdict.alerts:
        if one.outcome.well:
            yield Case("alerts", _named(one))
        elif one.outcome is AlertOutcome.UNKNOWN and one.blinded:
            yield Case("alerts", _named(one), skipped=f"blinded by design: {one.reason}")
        elif one.outcome is AlertOutcome.UNKNOWN:
            yield Case("alerts", _named(one), error=f"{one.name}: {one.reason}")
        else:
            yield Case("alerts", _named(one), failure=f"{one.name} {one.outcome.value}: {one.reason}")


def _panels(verdict: Verdict) -> Iterable[Case]:
    for one in verdict.panels:
        if one.expected is not None:
            wrong, missing = panel_change.failures([one]), panel_change.missing([one])
            yield Case("panels", f"{one.dashboard} / {one.panel}", "; ".join(wrong), "; ".join(missing))


def _ledgers(verdict: Verdict) -> Iterable[Case]:
    for name, about in _LEDGERS.items():
        if not verdict.has_ledgers:
            yield Case("ledgers", name, skipped="not judged: the target's load keeps no ledger")
            continue
        said = [reason for reason in verdict.reasons if about.match(reason)]
        missing = [reason for reason in said if _NOT_READ.search(reason)]
        wrong = [reason for reason in said if reason not in missing]
        yield Case("ledgers", name, "; ".join(wrong), "; ".join(missing))


def _undo(verdict: Verdict) -> Case:
    if verdict.exit_code == ExitCode.UNDO_FAILED:
        return Case(
            "run", "undo", failure="; ".join([*verdict.reasons, *(f"by hand: {one}" for one in verdict.by_hand)])
        )
    if verdict.injected is not None and verdict.undone is None:
        return Case("run", "undo", error="the recording does not say that the fault was undone")
    return Case("run", "undo")


def _evidence(verdict: Verdict, others: Sequence[Case]) -> Case:
    told = [text for case in others for text in (case.failure, case.error) if text]
    rest = [reason for reason in verdict.reasons if not any(reason in text for text in told)]
    if rest:
        return Case("run", "evidence", error="; ".join(rest))
    # Whatever the reasons, a run that did not hold must not look as if it had.
    amiss = verdict.outcome is not Outcome.HELD and not told
    return Case("run", "evidence", error=f"{verdict.outcome.value}, exit {verdict.exit_code}" if amiss else "")


def _entry(entry: Entry) -> list[Case]:
    if entry.verdict is None:
        return [Case("run", "evidence", error="; ".join(entry.reasons))]
    found = cases(entry.verdict)
    if not entry.held and not any(case.failure or case.error for case in found):
        found.append(Case("run", "runner", error="; ".join(entry.reasons)))
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
