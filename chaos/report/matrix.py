"""The coverage matrix for a terminal, within 120 columns: a line an alert, a line an experiment, and what is open."""

import textwrap
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from chaos.report import words
from chaos.verdict.coverage import Matrix, ProvenAlert, Row
from chaos.verdict.outcome import AlertOutcome

WIDTH = 120
_NAME = 32


def render(matrix: Matrix, now: float) -> str:
    """The whole matrix; `now` is Unix time."""
    blocks = [
        [_summary(matrix)],
        ["Alerts, and what proves each (seconds measured / by design)", *_alerts(matrix)],
        ["Alerts that nothing proves", *_unproven(matrix)],
        ["Experiments", *(line for row in matrix.rows for line in _experiment(row, now))],
        ["Faults that no alert sees", *_unseen(matrix)],
        ["Slowest from the fault to the condition true", *_slowest(matrix)],
        _slow_deliveries(matrix),
        ["Why the coverage is not complete", *_wrapped((f"- {line}" for line in matrix.wrong()), 4)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if len(block) > 1 or block[:1] == [_summary(matrix)]) + "\n"


def seconds(measured: float | None, design: float | None) -> str:
    """Both beside each other, such as `1.46/2.0 s`."""
    return f"{'-' if measured is None else f'{measured:.2f}'}/{'-' if design is None else f'{design:.1f}'} s"


def timing(proof: ProvenAlert) -> str:
    """Detection and delivery of a proof, each beside what the configuration explains."""
    design = proof.result.design
    detection = seconds(proof.result.condition_true, design.detection if design else None)
    return f"detection {detection:>12}  delivery {seconds(proof.delivery, design.delivery if design else None):>12}"


def age(started: float, now: float) -> str:
    """How long ago, in the largest whole unit."""
    past = max(now - started, 0.0)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if past >= length:
            return f"{past // length:.0f} {unit} ago"
    return "just now"


def started(at: float) -> str:
    """A Unix time for people."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def why_unseen(row: Row) -> str:
    """Whether nobody had to be told of a fault that no alert saw."""
    if row.held or row.verdict is None:
        return f"tolerated, as claimed: {row.claim}"
    return f"NOT tolerated, and nobody is told: {'; '.join(words.reasons(row.verdict))}"


def counts(row: Row) -> str:
    """How many alerts had which outcome, quiet ones last."""
    if row.verdict is None:
        return "no run"
    found = Counter(alert.outcome for alert in row.verdict.alerts)
    return ", ".join(f"{found[outcome]} {outcome.value}" for outcome in AlertOutcome if found[outcome])


def _summary(matrix: Matrix) -> str:
    unproven, number = matrix.unproven(), len(matrix.alerts)
    exempt = sum(one.exempt for one in unproven)
    held = sum(row.held for row in matrix.rows)
    return (
        f"{number - len(unproven)} of {number} alerts proven, {len(unproven) - exempt} open,"
        f" {exempt} exempt ({exempt / number:.0%}); {held} of {len(matrix.rows)} experiments held"
    )


def _alerts(matrix: Matrix) -> Iterable[str]:
    for alert in matrix.alerts:
        if proofs := matrix.proofs(alert):
            more = f" (+{len(proofs) - 1})" if len(proofs) > 1 else ""
            yield f"  {alert:<{_NAME}} {timing(proofs[0])}  {proofs[0].row.experiment}{more}"


def _unproven(matrix: Matrix) -> Iterable[str]:
    lines = (f"{'exempt' if one.exempt else 'OPEN  '}  {one.alert:<{_NAME}} {one.reason}" for one in matrix.unproven())
    return _wrapped(lines, 43)


def _experiment(row: Row, now: float) -> Iterable[str]:
    name = f"  {row.experiment:<30} "
    if row.verdict is None:
        yield from textwrap.wrap(name + (", ".join(row.marks) or "no recording"), WIDTH, subsequent_indent=" " * 33)
        return
    verdict = row.verdict
    about = [", ".join((f"{verdict.run_id}, {age(verdict.started, now)}", *row.marks))]
    about += [f"- {reason}" for reason in words.reasons(verdict)[:1]]
    yield f"{name}{verdict.outcome.value:<13}{row.seconds:5.1f} s  {counts(row)}"[:WIDTH]
    for line in about:
        yield from textwrap.wrap(line, WIDTH, initial_indent=" " * 33, subsequent_indent=" " * 35, max_lines=2)


def _unseen(matrix: Matrix) -> Iterable[str]:
    return _wrapped((f"{row.experiment:<30} {row.fault}: {why_unseen(row)}" for row in matrix.unseen()), 33)


def _slowest(matrix: Matrix) -> Iterable[str]:
    for proof in matrix.slowest():
        design = proof.result.design
        detection = seconds(proof.result.condition_true, design.detection if design else None)
        yield f"  {proof.result.name:<{_NAME}} {detection:>14}  {proof.row.experiment}"


def _slow_deliveries(matrix: Matrix) -> list[str]:
    slow = [proof for proof in matrix.all_proofs() if proof.beyond_design]
    lines = [f"  {one.result.name:<{_NAME}} {timing(one)}  {one.row.experiment}" for one in slow]
    return ["Delivered later than the configuration explains, by more than 0.5 s", *lines]


def _wrapped(lines: Iterable[str], indent: int) -> list[str]:
    return [
        part
        for line in lines
        for part in textwrap.wrap(line, WIDTH, initial_indent="  ", subsequent_indent=" " * indent)
    ]
