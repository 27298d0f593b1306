"""Whether a rule means the same when its windows are shorter.

A drill divides windows and leaves the system as fast as it is. So a rate, a ratio and a state stay what they are, and
what counts over a window becomes less by the factor that the window does: `increase(x[5m]) > 3` would ask in a drill
for more than three in five seconds. Each expression's value is followed by the factor it changes by. It may be
compared with what changes by the same factor, or with nothing at all: `increase(x[5m]) > 0`, or
`increase(a[5m]) / increase(b[5m]) > 0.05`. Numbers stay as written, so that durations alone differ; hence what is
compared with a number, and what looks at a clock, cannot be run in drill time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from promql_parser import (
    AggregateExpr,
    AtModifierType,
    BinaryExpr,
    Call,
    Expr,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    StringLiteral,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
    walk,
)

from compose.pace.promql import names_of
from compose.pace.timing import Kind, TimingProfile


class MeaningChanges(ValueError):
    """What an expression says would be something else in drill time; the message says why."""


@dataclass(frozen=True, slots=True)
class Factor:
    """What a value becomes in drill time, by multiplication."""

    by: Fraction = Fraction(1)
    samples: int = 0
    """How often it is also multiplied by what the samples' distance changes by, which a rule file does not say."""

    def __mul__(self, other: "Factor") -> "Factor":
        return Factor(self.by * other.by, self.samples + other.samples)

    def __truediv__(self, other: "Factor") -> "Factor":
        return Factor(self.by / other.by, self.samples - other.samples)


_SAME = Factor()
_ANY = None
"""Of zero: whatever it is multiplied by, it stays nothing."""
_CLOCKS = frozenset((
    "time", "timestamp", "minute", "hour", "day_of_month", "day_of_week", "day_of_year", "days_in_month", "month",
    "year", "ts_of_max_over_time", "ts_of_min_over_time", "ts_of_last_over_time", "ts_of_first_over_time",
))  # fmt: skip
_EXTRAPOLATES = {
    "predict_linear": "looks ahead by a number of seconds (predict_linear) from a window that a drill makes shorter",
    "double_exponential_smoothing": "smooths sample by sample, and a shorter window has fewer",
}
_COUNTS = frozenset({"increase", "delta", "changes", "resets"})
_RATES = frozenset({"rate", "irate", "deriv"})
_OF_THE_SAME = frozenset((
    "avg_over_time", "min_over_time", "max_over_time", "last_over_time", "first_over_time", "quantile_over_time",
    "stddev_over_time", "mad_over_time",
))  # fmt: skip
_TRUTHS = frozenset({"absent", "absent_over_time", "present_over_time", "sgn", "pi"})
# Of buckets that are all multiplied by one factor the quantile is what it was.
_OF_SHARES = frozenset({"histogram_quantile", "histogram_quantiles", "histogram_fraction", "histogram_avg"})
_LINEAR = frozenset((
    "abs", "sort", "sort_desc", "sort_by_label", "sort_by_label_desc", "label_replace", "label_join", "histogram_count",
    "histogram_sum",
))  # fmt: skip
_COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
_SETS = frozenset({"and", "unless"})


Records = Mapping[str, frozenset[Factor]]
"""A series that rules record → what its values become, one for each rule that differs."""


def factor_of(tree: Expr, records: Records, profile: TimingProfile) -> Factor | None:
    """What its value becomes in drill time; None: it is nothing at all, as the number 0 is.

    Raises MeaningChanges.
    """
    return _Reading(records, profile).of(tree)


class _Reading:
    def __init__(self, records: Records, profile: TimingProfile) -> None:
        self._records = records
        self._profile = profile

    def of(self, node: Expr) -> Factor | None:
        match node:
            case NumberLiteral():
                return _SAME if node.val else _ANY
            case StringLiteral():
                return _SAME
            case VectorSelector():
                return self._selected(node)
            case MatrixSelector():
                return self._selected(node.vector_selector)
            case SubqueryExpr():
                _at(node.at)
                return self.of(node.expr)
            case ParenExpr() | UnaryExpr():
                return self.of(node.expr)
            case AggregateExpr():
                return self._aggregated(node)
            case BinaryExpr():
                return self._combined(node, str(node.op))
            case Call():
                return self._called(node)
        raise MeaningChanges("has an expression of a kind that is not known here")

    def _selected(self, node: VectorSelector) -> Factor:
        _at(node.at)
        names = names_of(node)
        if not names:
            raise MeaningChanges("names no metric in a selector: of every series, or a rule of Loki")
        found = {factor for name in names for factor in self._of_series(name, pattern=not node.name)}
        if len(found) > 1:
            raise MeaningChanges(f"reads series that change differently in drill time: {', '.join(sorted(names))}")
        return found.pop()

    def _of_series(self, name: str, pattern: bool) -> frozenset[Factor]:
        if not pattern or name in self._records:
            return self._records.get(name, frozenset({_SAME}))
        try:
            met = [one for recorded, one in self._records.items() if re.fullmatch(name, recorded)]
        except re.error:
            raise MeaningChanges(f"names its metrics by a pattern that is not understood here: {name}") from None
        return frozenset({_SAME}).union(*met)

    def _called(self, node: Call) -> Factor | None:
        name = str(node.func.name)
        if name in _CLOCKS:
            raise MeaningChanges(f"looks at a clock ({name}()), and a drill's minutes are seconds")
        if name in _EXTRAPOLATES:
            raise MeaningChanges(_EXTRAPOLATES[name])
        inner = [self.of(argument) for argument in node.args]
        if name in ("vector", "scalar"):
            return inner[0]
        if name in _TRUTHS:
            return _SAME
        if name in _RATES | _OF_THE_SAME | _LINEAR:
            # The other arguments are numbers and names.
            return next((one for one, of in zip(inner, node.args, strict=True) if _is_value(of)), _SAME)
        if name in _OF_SHARES:
            return _SAME
        if name == "stdvar_over_time" and inner[0] in (_SAME, _ANY):
            return _SAME
        windows = [argument for argument in node.args if isinstance(argument, MatrixSelector | SubqueryExpr)]
        if windows and name in _COUNTS:
            return _times(inner[0], self._shrunk(windows[0]))
        if windows and name == "idelta":
            return _times(inner[0], Factor(samples=-1))
        if windows and name in ("count_over_time", "sum_over_time"):
            return _times(inner[0] if name.startswith("sum") else _SAME, self._fewer(windows[0]))
        if any(one not in (_SAME, _ANY) for one in inner) or windows:
            raise MeaningChanges(f"takes {name}() of what counts over a window")
        return _SAME

    def _aggregated(self, node: AggregateExpr) -> Factor | None:
        inner, name = self.of(node.expr), str(node.op).lower()
        if node.param is not None and not isinstance(node.param, StringLiteral):
            self.of(node.param)
        if name in ("count", "group"):
            return _SAME
        if name in ("stdvar", "count_values") and inner not in (_SAME, _ANY):
            raise MeaningChanges(f"takes {name} of what counts over a window")
        return inner

    def _combined(self, node: BinaryExpr, operator: str) -> Factor | None:
        left, right = self.of(node.lhs), self.of(node.rhs)
        operator = operator.lower()
        if operator in _SETS:
            return left
        if operator == "*":
            return _ANY if left is None or right is None else left * right
        if operator == "/":
            return _ANY if left is None else left / (right or _SAME)
        if operator in ("^", "atan2"):
            if any(one not in (_SAME, _ANY) for one in (left, right)):
                raise MeaningChanges(f"takes {operator} of what counts over a window")
            return _SAME
        if operator == "or":
            return left if left == right else self._either(left, right)
        if left is not None and right is not None and left != right:
            raise MeaningChanges(_unlike(left, right, operator))
        if operator in _COMPARISONS:
            one, other = _offsets(node.lhs), _offsets(node.rhs)
            if one and other and one != other and (_adds(node.lhs) or _adds(node.rhs)):
                raise MeaningChanges("sets now against earlier with something added, which is a count over that time")
            if node.modifier is not None and node.modifier.return_bool:
                return _SAME
        both = left if left is not None else right
        return _times(both, self._apart(node)) if operator == "-" else both

    def _either(self, left: Factor | None, right: Factor | None) -> Factor:
        if left is None or right is None:
            return left or right or _SAME
        # Whether there is an answer is alike; its value is not, and nothing may be asked of it: two factors in one.
        return Factor(left.by * 2 + right.by * 3, left.samples * 2 + right.samples * 3 + 1)

    def _shrunk(self, window: MatrixSelector | SubqueryExpr) -> Factor:
        return Factor(self._by(window.range, Kind.RANGE))

    def _fewer(self, window: MatrixSelector | SubqueryExpr) -> Factor:
        step = window.step if isinstance(window, SubqueryExpr) else None
        if step is None:
            return Factor(self._by(window.range, Kind.RANGE), 1)
        return Factor(self._by(window.range, Kind.RANGE) / self._by(step, Kind.STEP))

    def _by(self, length: timedelta | None, kind: Kind) -> Fraction:
        if not length:
            return Fraction(1)
        return Fraction(_milliseconds(self._profile.in_drill(length, kind)), _milliseconds(length))

    def _apart(self, node: BinaryExpr) -> Factor:
        """Of now less what was earlier, which is a count over the time between."""
        one, other = _offsets(node.lhs), _offsets(node.rhs)
        apart = (one | other) - (one & other)
        furthest = max(apart, default=timedelta(0), key=abs)
        return Factor(self._by(abs(furthest), Kind.OFFSET))


def _is_value(node: Expr) -> bool:
    return not isinstance(node, NumberLiteral | StringLiteral)


def _times(one: Factor | None, other: Factor) -> Factor | None:
    return None if one is None else one * other


def _milliseconds(length: timedelta) -> int:
    return round(length / timedelta(milliseconds=1))


def _at(modifier: object) -> None:
    if modifier is not None and getattr(modifier, "type", None) == AtModifierType.At:
        raise MeaningChanges("looks at a fixed moment (@), and a drill's minutes are seconds")


def _offsets(tree: Expr) -> set[timedelta]:
    found: set[timedelta] = set()

    def visit(node: Expr) -> None:
        if isinstance(node, VectorSelector | SubqueryExpr):
            found.add(node.offset or timedelta(0))

    walk(tree, pre_visit=visit)
    return found


def _adds(tree: Expr) -> bool:
    found = False

    def visit(node: Expr) -> None:
        nonlocal found
        found = found or (isinstance(node, BinaryExpr) and str(node.op) in "+-")

    walk(tree, pre_visit=visit)
    return found


def _unlike(left: Factor, right: Factor, operator: str) -> str:
    if _SAME in (left, right):
        return (
            f"counts over a window and sets that against a number, or a value, that stays as it is ({operator}); "
            "in a shorter window there is less to count"
        )
    return f"sets counts over windows that become shorter by different factors against each other ({operator})"
