"""Looks into expressions: what they select, and what lies below a node."""

import re
from collections.abc import Iterator

from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    Matcher,
    MatchOp,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
    parse,
)

COMPARISONS = {">", "<", ">=", "<=", "==", "!="}
SET_OPERATIONS = {"and", "or", "unless"}


def read(expression: str) -> Expr:
    """Parse an expression. Raises ValueError saying what is wrong, in one line."""
    try:
        return parse(expression)
    except ValueError as error:
        raise ValueError(f"not readable as PromQL: {' '.join(str(error).split())}") from error


def children(node: Expr) -> Iterator[Expr]:
    """The nodes directly below; a range's selector is not one, for its samples are not the node's own."""
    match node:
        case BinaryExpr():
            yield from (node.lhs, node.rhs)
        case AggregateExpr() | ParenExpr() | UnaryExpr() | SubqueryExpr():
            yield node.expr
        case Call():
            yield from node.args
        case _:
            return


def nodes(node: Expr) -> Iterator[Expr]:
    """The node and everything below it, the selectors within ranges included."""
    yield node
    if isinstance(node, MatrixSelector):
        yield node.vector_selector
    for child in children(node):
        yield from nodes(child)


def bare(node: Expr) -> Expr:
    """The node without parentheses around it."""
    return bare(node.expr) if isinstance(node, ParenExpr) else node


def selectors(node: Expr) -> Iterator[VectorSelector]:
    """Everything that is selected in an expression."""
    yield from (each for each in nodes(node) if isinstance(each, VectorSelector))


def matchers(selector: VectorSelector) -> list[Matcher]:
    """What a selector asks of labels; the metric's name is not among them."""
    return [matcher for matcher in selector.matchers.matchers if matcher.name != "__name__"]


def name_of(selector: VectorSelector) -> str:
    """The metric's name; empty where it is a pattern."""
    asked = [m for m in selector.matchers.matchers if m.name == "__name__" and m.op == MatchOp.Equal]
    return selector.name or (asked[0].value if asked else "")


def op(node: Expr) -> str:
    """A binary expression's operator; empty for any other node."""
    return str(node.op) if isinstance(node, BinaryExpr) else ""


def is_comparison(node: Expr) -> bool:
    """Whether it keeps or drops samples by their value."""
    return op(node) in COMPARISONS


def number(node: Expr) -> float | None:
    """The value of a constant, sign and simple arithmetic included; None for what is none."""
    match bare(node):
        case NumberLiteral() as literal:
            return literal.val
        case UnaryExpr() as unary:
            inside = number(unary.expr)
            return None if inside is None else -inside
        case BinaryExpr() as binary if str(binary.op) in {"+", "-", "*", "/"}:
            left, right = number(binary.lhs), number(binary.rhs)
            # Only whether it is a constant matters to the checks, and its sign.
            return None if left is None or right is None else left * right if str(binary.op) in "*/" else left
    return None


def accepts(matcher: Matcher, value: str) -> bool:
    """Whether a label with this value passes; an absent label has the empty value."""
    match matcher.op:
        case MatchOp.Equal:
            return value == matcher.value
        case MatchOp.NotEqual:
            return value != matcher.value
        case MatchOp.Re:
            return re.fullmatch(matcher.value, value) is not None
        case _:
            return re.fullmatch(matcher.value, value) is None


def selects(selector: VectorSelector, series: VectorSelector) -> bool:
    """Whether a selector finds a series that is written as a selector."""
    labels = {matcher.name: matcher.value for matcher in matchers(series)}
    return name_of(selector) == name_of(series) and all(
        accepts(matcher, labels.get(matcher.name, "")) for matcher in matchers(selector)
    )
