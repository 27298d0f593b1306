"""Durations inside a PromQL expression: find them, scale them, and prove that nothing else was touched."""

import re
from datetime import timedelta

from promql_parser import Expr, MatchOp, MatrixSelector, SubqueryExpr, VectorSelector, walk
from promql_parser import parse as parse_promql

from compose.pace.timing import DrillTimeError, Durations, Kind, TimingProfile

_DURATION = r"\d+(?:ms|[smhdwy])(?:\d+(?:ms|[smhdwy]))*"
# promql-parser's tree cannot be rewritten (assigning a range is ignored), so the text is; strings and comments are
# matched first so that nothing in them is. `_check` then has the parser confirm every match.
_TOKEN = re.compile(
    rf"""
    "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `[^`]*` | \#[^\n]*
    | \[ (?P<range>[^\]]*) \]
    | (?P<offset>\boffset\s*-?\s*{_DURATION})
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)

Found = tuple[Kind, timedelta]


def read(expression: str, where: str) -> Expr:
    """Parse an expression. Raises DrillTimeError naming `where`."""
    try:
        return parse_promql(expression)
    except ValueError as error:
        raise DrillTimeError(f"{where}: not readable as PromQL: {error}") from error


def durations(tree: Expr) -> list[Found]:
    """Every range, subquery step and offset of an expression; an offset may be negative."""
    found: list[tuple[Kind, timedelta | None]] = []

    def visit(node: Expr) -> None:
        match node:
            case MatrixSelector():
                # Its inner selector, which carries the offset, is visited by itself.
                found.append((Kind.RANGE, node.range))
            case SubqueryExpr():
                found.extend([(Kind.RANGE, node.range), (Kind.STEP, node.step), (Kind.OFFSET, node.offset)])
            case VectorSelector():
                found.append((Kind.OFFSET, node.offset))

    walk(tree, pre_visit=visit)
    return [(kind, length) for kind, length in found if length]


def metrics(tree: Expr) -> set[str]:
    """The names of the series an expression reads, or the patterns that it gives for them."""
    return {name for selector in _selectors(tree) for name in names_of(selector)}


def watched_alerts(tree: Expr) -> set[str]:
    """The alerts whose firing an expression reads by name, in ALERTS."""
    return {
        str(one.value)
        for selector in _selectors(tree)
        if names_of(selector) & {"ALERTS", "ALERTS_FOR_STATE"}
        for one in selector.matchers.matchers
        if one.name == "alertname" and one.op == MatchOp.Equal
    }


def names_of(selector: VectorSelector) -> set[str]:
    """The metric a selector names, or the pattern it gives for the name; none where it names none."""
    if selector.name:
        return {str(selector.name)}
    return {str(one.value) for one in selector.matchers.matchers if one.name == "__name__"}


def _selectors(tree: Expr) -> list[VectorSelector]:
    found: list[VectorSelector] = []

    def visit(node: Expr) -> None:
        if isinstance(node, VectorSelector):
            found.append(node)

    walk(tree, pre_visit=visit)
    return found


def scale_expression(expression: str, durations_: Durations, where: str) -> str:
    """The expression with its durations in drill time and every other character as it was.

    Raises DrillTimeError where the parser does not confirm that exactly the durations changed.
    """

    def one(text: str, kind: Kind) -> str:
        return re.sub(_DURATION, lambda m: durations_.scale(m[0], kind, f"{where}: {kind.value}"), text)

    def token(match: re.Match[str]) -> str:
        if match["range"] is not None:
            length, colon, step = match["range"].partition(":")
            return f"[{one(length, Kind.RANGE)}{colon}{one(step, Kind.STEP)}]"
        return one(match[0], Kind.OFFSET) if match["offset"] else match[0]

    before = read(expression, where)
    drill = _TOKEN.sub(token, expression)
    _check(before, read(drill, where), durations_.profile, where)
    return drill


def _check(before: Expr, after: Expr, profile: TimingProfile, where: str) -> None:
    def in_drill(kind: Kind, length: timedelta) -> Found:
        return kind, profile.in_drill(abs(length), kind) * (1 if length > timedelta(0) else -1)

    def ordered(found: list[Found]) -> list[tuple[str, timedelta]]:
        return sorted((kind.value, length) for kind, length in found)

    if ordered([in_drill(*found) for found in durations(before)]) != ordered(durations(after)):
        raise DrillTimeError(f"{where}: a duration is written in a way that cannot be scaled (write it as `5m`)")
