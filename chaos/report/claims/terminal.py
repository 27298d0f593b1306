"""Claims for the terminal: a paragraph each, and a table of all."""

import textwrap
from collections.abc import Iterable, Iterator

from chaos.report import plain
from chaos.report.claims import words
from chaos.verdict.claims import BoundResult, ClaimsVerdict, ClaimVerdict
from chaos.verdict.verdict import Outcome

_WIDTH = 118
_MARKS = {Outcome.HELD: "ok", Outcome.DEVIATED: "DEVIATED", Outcome.INCONCLUSIVE: "unknown"}


def of_claim(verdict: ClaimVerdict) -> str:
    """One claim: what was said, what was seen, and why not."""
    return "\n".join(map(plain.line, _lines(verdict)))


def table(verdict: ClaimsVerdict) -> str:
    """All of them, a line each."""
    return "\n".join(plain.line(f"  {one.number}  {one.outcome:<13}{one.title}") for one in verdict.claims)


def _lines(verdict: ClaimVerdict) -> Iterator[str]:
    yield f"claim {verdict.number}: {verdict.title}"
    yield from _wrapped(f"claim: {verdict.said}")
    if verdict.deviation:
        yield from _wrapped(f"done to refute it: {verdict.deviation}")
    yield from (line for result in verdict.bounds for line in _bound(result))
    wanted = {result.measure for result in verdict.bounds}
    others = [f"{one.name} {words.of_measure(one)}" for one in verdict.measures if one.name not in wanted]
    if others:
        yield from _wrapped(f"beside: {'; '.join(others)}", "  ")
    yield from (line for note in verdict.notes for line in _wrapped(f"note: {note}", "  "))
    yield from (line for one in verdict.findings for line in _wrapped(f"why not: {words.of_finding(one)}", "  "))
    yield f"verdict: {verdict.outcome}, {verdict.seconds:.0f} s"


def _bound(result: BoundResult) -> Iterator[str]:
    yield from _wrapped(f"{_MARKS[result.outcome]:<9}{result.name}: {words.of_bound(result)}", "  ")


def _wrapped(text: str, indent: str = "") -> Iterable[str]:
    return textwrap.wrap(plain.line(text), _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}         ")
