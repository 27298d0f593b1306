"""What a PromQL expression needs to be able to answer: which series have to be there."""

import itertools
import re
from collections.abc import Iterable

from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    MatchOp,
    MatrixSelector,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
    parse,
    parse_duration,
    walk,
)

Alternatives = tuple[frozenset[str], ...]
"""Sets of selectors: it can answer when all of one set have series."""
_NOTHING: Alternatives = (frozenset(),)
_RANGE = re.compile(r"\[\s*((?:\d+(?:ms|[smhdwy]))+)\s*\]")
MOST = 64
"""Alternatives of one expression; what would make more of them is taken to need nothing."""
_NAMED = re.compile(r'[{,]\s*__name__="((?:[^"\\]|\\.)*)"')
"""The name within braces, as the parser writes it: one that is no plain word stands nowhere else."""
_UNESCAPED = re.compile(r"\\(.)")
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_OF_RULES = frozenset({"ALERTS", "ALERTS_FOR_STATE"})
_ABSENT = frozenset({"absent", "absent_over_time"})


def needs(expression: str) -> Alternatives:
    """What has to be there for it to answer. ValueError when it is no PromQL."""
    return _needs(parse(expression))


def selectors(expression: str) -> list[str]:
    """Every selector in it, also where it may be missing. ValueError when it is no PromQL."""
    found: list[str] = []

    def visit(node: Expr) -> None:
        if isinstance(node, VectorSelector):
            found.append(str(node.prettify()))

    walk(parse(expression), pre_visit=visit)
    return found


def amiss(expression: str) -> str:
    """Why it is no PromQL; empty when it is."""
    try:
        parse(expression)
    except ValueError as error:
        return " ".join(str(error).split())
    return ""


def compares(expression: str) -> bool:
    """Whether it is a comparison, which has no answer where it is false. ValueError when it is no PromQL."""
    node = parse(expression)
    while isinstance(node, ParenExpr):
        node = node.expr
    return isinstance(node, BinaryExpr) and str(node.op) in _COMPARISONS and not _gives_bool(node)


def _gives_bool(node: BinaryExpr) -> bool:
    return node.modifier is not None and bool(node.modifier.return_bool)


def asked(selector: str) -> list[str]:
    """The values that a selector's matchers ask for, regular expressions as they are written."""
    node = parse(selector)
    matchers = node.matchers.matchers if isinstance(node, VectorSelector) else []
    return [one.value for one in matchers if one.op in (MatchOp.Equal, MatchOp.Re)]


def of_each(expression: str) -> bool:
    """Whether each series that it reads is told of by itself, none added to others. ValueError when it is no PromQL."""
    found: list[Expr] = []

    def visit(node: Expr) -> None:
        if isinstance(node, AggregateExpr) or (isinstance(node, Call) and node.func.name in _ABSENT):
            found.append(node)

    walk(parse(expression), pre_visit=visit)
    return not found


def ranges(expression: str) -> list[float]:
    """How far back it looks, in seconds, once for each range or subquery. ValueError when it is no PromQL."""
    found: list[float] = []

    def visit(node: Expr) -> None:
        if isinstance(node, MatrixSelector | SubqueryExpr):
            found.extend([node.range.total_seconds()] if node.range else [])

    walk(parse(expression), pre_visit=visit)
    return found


def stretched(expression: str, factor: float) -> str:
    """The same, looking back so much longer. ValueError when it is no PromQL, or the ranges cannot be rewritten."""
    before = ranges(expression)

    def longer(match: re.Match[str]) -> str:
        return f"[{round(parse_duration(match[1]).total_seconds() * factor * 1000)}ms]"

    after = _RANGE.sub(longer, expression) if before else expression
    wanted = [round(seconds * factor, 3) for seconds in before]
    if [round(seconds, 3) for seconds in ranges(after)] != wanted:
        raise ValueError(f"a range in {expression!r} is written in a way that cannot be stretched: write it as [5s]")
    return after


def jobs(expression: str, known: Iterable[str]) -> frozenset[str]:
    """Which of these jobs' series it may read. ValueError when it is no PromQL."""
    there: frozenset[str] = frozenset(known)
    found: set[str] = set()

    def visit(node: Expr) -> None:
        if isinstance(node, VectorSelector):
            asked = [(one.op, one.value) for one in node.matchers.matchers if one.name == "job"]
            found.update(job for job in there if all(_matches(op, value, job) for op, value in asked))

    walk(parse(expression), pre_visit=visit)
    return frozenset(found)


def _matches(operator: MatchOp, wanted: str, value: str) -> bool:
    # They have no order and no words of their own: each is compared by itself.
    if operator == MatchOp.Equal:
        return value == wanted
    if operator == MatchOp.NotEqual:
        return value != wanted
    try:
        return (re.fullmatch(wanted, value) is not None) is (operator == MatchOp.Re)
    except re.error:
        return True


def name_of(selector: str) -> str:
    """The metric's name in a selector, wherever it stands; empty where it asks for none, or for several."""
    before = re.split(r"[{\s]", selector, maxsplit=1)[0]
    return before or next((_UNESCAPED.sub(r"\1", one) for one in _NAMED.findall(selector)), "")


def _needs(node: Expr) -> Alternatives:
    match node:
        case VectorSelector() if node.name in _OF_RULES:
            # Made by whoever evaluates rules, while something fires: that there is none is how it should be.
            return _NOTHING
        case VectorSelector():
            return (frozenset({str(node.prettify())}),)
        case MatrixSelector():
            return _needs(node.vector_selector)
        case ParenExpr() | UnaryExpr() | SubqueryExpr() | AggregateExpr():
            return _needs(node.expr)
        case Call():
            # That the series is missing is what it tells.
            return _NOTHING if node.func.name in _ABSENT else _all([_needs(one) for one in node.args])
        case BinaryExpr():
            return _of_two(str(node.op), _needs(node.lhs), _needs(node.rhs))
    return _NOTHING


def _of_two(operator: str, left: Alternatives, right: Alternatives) -> Alternatives:
    if operator == "or":
        return few((*left, *right))
    return left if operator == "unless" else _all([left, right])


def _all(parts: list[Alternatives]) -> Alternatives:
    return few(tuple(frozenset().union(*one) for one in itertools.product(*parts)))


def few(alternatives: Iterable[frozenset[str]]) -> Alternatives:
    """Each of them once; none is needed where there are too many to tell."""
    found = tuple(dict.fromkeys(alternatives))
    return found if len(found) <= MOST else _NOTHING
