"""What a PromQL expression needs to be able to answer: which series have to be there."""

import itertools
from collections.abc import Iterable

from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    MatrixSelector,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
    parse,
    walk,
)

Alternatives = tuple[frozenset[str], ...]
"""Sets of selectors: it can answer when all of one set have series."""
_NOTHING: Alternatives = (frozenset(),)
MOST = 64
"""Alternatives of one expression; what would make more of them is taken to need nothing."""
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


def name_of(selector: str) -> str:
    """The metric's name in a selector; empty where it asks for none."""
    return selector.partition("{")[0].strip()


def _needs(node: Expr) -> Alternatives:
    match node:
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
