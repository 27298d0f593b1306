"""Which labels an expression's result has, so that an annotation names none that was aggregated away."""

from collections.abc import Callable
from functools import reduce

from promql_parser import (
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    LabelModifierType,
    MatrixSelector,
    ParenExpr,
    StringLiteral,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
)

from alerts.lint.promql import SET_OPERATIONS, name_of, number, op

Labels = frozenset[str]
_SAMPLES_KEPT = {"topk", "bottomk", "limitk"}
# These answer with one sample that has no labels, whatever they are given.
_WITHOUT_LABELS = {"vector", "scalar", "time", "pi"}


def of(node: Expr, known: Callable[[str], Labels | None]) -> Labels | None:
    """The labels that samples of a result may have; None where that cannot be told.

    `known` gives the labels of a metric or a record by its name.
    """
    match node:
        case VectorSelector():
            return known(name_of(node))
        case MatrixSelector():
            return known(name_of(node.vector_selector))
        case ParenExpr() | UnaryExpr() | SubqueryExpr():
            return of(node.expr, known)
        case AggregateExpr():
            return _aggregated(node, of(node.expr, known))
        case Call():
            return _of_call(node, known)
        case BinaryExpr():
            return _of_binary(node, known)
    return frozenset()


def _aggregated(node: AggregateExpr, inner: Labels | None) -> Labels | None:
    if str(node.op) in _SAMPLES_KEPT:
        return inner
    if node.modifier is None:
        return frozenset()
    named = frozenset(node.modifier.labels)
    if node.modifier.type == AggModifierType.By:
        return named if inner is None else named & inner
    return None if inner is None else inner - named


def _of_call(node: Call, known: Callable[[str], Labels | None]) -> Labels | None:
    name = node.func.name
    if name in _WITHOUT_LABELS:
        return frozenset()
    inner = [of(each, known) for each in node.args if not isinstance(each, StringLiteral) and number(each) is None]
    if not inner or inner[0] is None:
        return None
    match name:
        case "histogram_quantile":
            return inner[0] - {"le"}
        case "label_replace" | "label_join":
            return inner[0] | {node.args[1].val}
    return inner[0]


def _of_binary(node: BinaryExpr, known: Callable[[str], Labels | None]) -> Labels | None:
    if number(node.rhs) is not None:
        return of(node.lhs, known)
    if number(node.lhs) is not None:
        return of(node.rhs, known)
    left, right = of(node.lhs, known), of(node.rhs, known)
    if op(node) in SET_OPERATIONS:
        # An annotation is filled from whichever side fired, so a label must be in both.
        both = [side for side in (left, right) if side is not None]
        return (reduce(frozenset.__and__, both) if len(both) == 2 else None) if op(node) == "or" else left
    if node.modifier is None or node.modifier.matching is None:
        return left
    named = frozenset(node.modifier.matching.labels)
    if node.modifier.group_labels is not None:
        many = right if str(node.modifier.card).endswith("OneToMany") else left
        return None if many is None else many | frozenset(node.modifier.group_labels)
    if node.modifier.matching.type == LabelModifierType.Include:
        return named if left is None else named & left
    return None if left is None else left - named
