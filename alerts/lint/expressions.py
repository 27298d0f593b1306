"""Judges expressions: what makes a rule wrong, deaf, or mean something else in a drill, each with its reason."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from promql_parser import AggregateExpr, BinaryExpr, Call, Expr, MatrixSelector, VectorSelector

from alerts.lint import labels
from alerts.lint.promql import (
    SET_OPERATIONS,
    bare,
    children,
    is_comparison,
    matchers,
    name_of,
    nodes,
    number,
    op,
    selectors,
)
from alerts.lint.snapshot import SOMETIMES, Snapshot

SCRAPE_INTERVAL = timedelta(seconds=15)
SCRAPES_IN_A_RANGE = 4
_OF_COUNTERS = {"rate", "increase", "irate", "resets"}
# They grow with the window they look at: minutes in production, seconds in a drill.
_GROW_WITH_THE_WINDOW = {
    "increase", "changes", "delta", "idelta", "resets", "predict_linear", "count_over_time", "sum_over_time",
}  # fmt: skip
_SCALE_FREE = {"histogram_quantile", "absent", "absent_over_time", "sgn"}

Finder = Callable[[Expr, Snapshot], Iterator[str]]


def of_any(node: Expr, snapshot: Snapshot) -> Iterator[str]:
    """What is wrong with an expression wherever it stands, in a rule or on a dashboard."""
    for find in (_rates_of_gauges, _raw_counters, _quantiles_without_le, _hidden_absence):
        yield from find(node, snapshot)


def of_rule(node: Expr, snapshot: Snapshot) -> Iterator[str]:
    """What is wrong with the expression of a rule, alert or record."""
    yield from of_any(node, snapshot)
    for find in (_without_job, _last_two_samples, _short_ranges, _clocks, _absence_of_up, _open_divisions):
        yield from find(node, snapshot)
    yield from _counts_against_numbers(node)


def of_alert(node: Expr) -> Iterator[str]:
    """What is wrong with an expression as an alert's condition."""
    if not _decides(node):
        yield "no comparison: it fires for whatever the series says"


def _rates_of_gauges(node: Expr, snapshot: Snapshot) -> Iterator[str]:
    for call in _calls(node, _OF_COUNTERS):
        for selector in selectors(call):
            if snapshot.type_of(selector) in {"gauge", "summary"}:
                yield f"{call.func.name}() of {name_of(selector)}, a gauge: each fall would count as a restart"


def _raw_counters(node: Expr, snapshot: Snapshot) -> Iterator[str]:
    for comparison in (each for each in nodes(node) if is_comparison(each)):
        for side in children(comparison):
            for name in _counters_as_they_are(side, snapshot):
                yield f"{name} is a counter: compared as it is, it says how long ago the last restart was; use rate()"


def _counters_as_they_are(node: Expr, snapshot: Snapshot) -> Iterator[str]:
    if isinstance(node, VectorSelector) and snapshot.type_of(node) == "counter":
        yield name_of(node)
    if isinstance(node, AggregateExpr) and str(node.op) in {"count", "group"}:
        return
    for child in children(node):
        yield from _counters_as_they_are(child, snapshot)


def _quantiles_without_le(node: Expr, snapshot: Snapshot) -> Iterator[str]:
    for call in _calls(node, {"histogram_quantile"}):
        kept = labels.of(call.args[1], snapshot.labels_of)
        if kept is not None and "le" not in kept:
            yield "histogram_quantile() of buckets without their `le`: it answers nothing"


def _hidden_absence(node: Expr, _: Snapshot) -> Iterator[str]:
    for each in nodes(node):
        if isinstance(each, BinaryExpr) and op(each) == "or" and _is_vector(each.rhs):
            yield "`or vector(…)` makes a series that is missing look like one that is well"


def _without_job(node: Expr, _: Snapshot) -> Iterator[str]:
    for selector in selectors(node):
        is_scraped = ":" not in name_of(selector) and name_of(selector) not in SOMETIMES
        if is_scraped and not any(matcher.name == "job" for matcher in matchers(selector)):
            yield f'{selector} asks for no job: another job may have series of this name (job=~".+" says: all)'


def _last_two_samples(node: Expr, _: Snapshot) -> Iterator[str]:
    for call in _calls(node, {"irate", "idelta"}):
        yield f"{call.func.name}() sees two samples and forgets the rest: a condition on it flickers; use rate()"


def _short_ranges(node: Expr, _: Snapshot) -> Iterator[str]:
    for each in nodes(node):
        if isinstance(each, MatrixSelector) and each.range < SCRAPES_IN_A_RANGE * SCRAPE_INTERVAL:
            seconds = each.range.total_seconds()
            yield f"{each.vector_selector}: a range of {seconds:g} s has gaps when one scrape is late; 1m is the least"


def _clocks(node: Expr, _: Snapshot) -> Iterator[str]:
    for call in _calls(node, {"time", "timestamp"}):
        yield f"{call.func.name}() makes it depend on absolute time, which does not run faster in a drill"


def _absence_of_up(node: Expr, _: Snapshot) -> Iterator[str]:
    for call in _calls(node, {"absent", "absent_over_time"}):
        for selector in selectors(call):
            if name_of(selector) == "up":
                yield "absent() of up: a target that is configured has an up of 0 when it is down, so this never fires"


def _open_divisions(node: Expr, _: Snapshot) -> Iterator[str]:
    for each in nodes(node):
        if not isinstance(each, BinaryExpr) or op(each) not in {"/", "%"}:
            continue
        if number(each.rhs) is None and not _is_guarded(each.rhs):
            yield f"divides by `{_short(each.rhs)}`, which may be 0: guard it with `> 0`"


def _is_guarded(node: Expr) -> bool:
    inner = bare(node)
    if isinstance(inner, BinaryExpr) and is_comparison(inner):
        bound = number(inner.rhs)
        return bound is not None and ((str(inner.op) == ">" and bound >= 0) or (str(inner.op) == ">=" and bound > 0))
    if isinstance(inner, AggregateExpr):
        return _is_guarded(inner.expr)
    if isinstance(inner, BinaryExpr) and str(inner.op) == "*":
        return all(_is_guarded(side) or (number(side) or 0) > 0 for side in children(inner))
    return False


def _counts_against_numbers(node: Expr) -> Iterator[str]:
    for comparison in (each for each in nodes(node) if is_comparison(each)):
        sides = list(children(comparison))
        # Against 0 it only asks whether there was any, which a shorter window does not change.
        if _grows(sides[0]) != _grows(sides[1]) and 0 not in map(number, sides):
            yield "compares a count over a window with a number: a drill's window is shorter; use a rate"


def _grows(node: Expr) -> bool:
    """Whether the value grows with the length of a window within; a count divided by a count does not."""
    if isinstance(node, Call):
        if node.func.name in _GROW_WITH_THE_WINDOW:
            return True
        return node.func.name not in _SCALE_FREE and any(_grows(child) for child in children(node))
    if isinstance(node, AggregateExpr) and str(node.op) in {"count", "group"}:
        return False
    if isinstance(node, BinaryExpr):
        left, right = _grows(node.lhs), _grows(node.rhs)
        if str(node.op) == "/":
            return left != right
        return left if is_comparison(node) or str(node.op) in {"and", "unless"} else left or right
    return any(_grows(child) for child in children(node))


def _decides(node: Expr) -> bool:
    inner = bare(node)
    if isinstance(inner, BinaryExpr) and is_comparison(inner):
        return not (inner.modifier and inner.modifier.return_bool)
    if isinstance(inner, BinaryExpr) and op(inner) in SET_OPERATIONS:
        left, right = _decides(inner.lhs), _decides(inner.rhs)
        return left and right if op(inner) == "or" else left or right
    if isinstance(inner, AggregateExpr):
        return _decides(inner.expr)
    return isinstance(inner, Call) and (inner.func.name == "absent" or any(_decides(arg) for arg in inner.args))


def _calls(node: Expr, names: set[str]) -> Iterator[Call]:
    yield from (each for each in nodes(node) if isinstance(each, Call) and each.func.name in names)


def _is_vector(node: Expr) -> bool:
    inner = bare(node)
    return isinstance(inner, Call) and inner.func.name == "vector"


def _short(node: Expr) -> str:
    text = " ".join(node.prettify().split())
    return text if len(text) <= 60 else f"{text[:57]}..."
