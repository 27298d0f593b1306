"""What is taken into drill time answers there what it answers in production, at whatever rate things happen.

The system is made up: counters that grow at a rate, and gauges that stay. Expressions are composed at random and
reckoned exactly, with production's windows and with the drill's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from promql_parser import display_duration, parse

from compose.pace.meaning import MeaningChanges, factor_of
from compose.pace.timing import DRILL, Kind

Value = Fraction | None
"""None: no sample."""
Seconds = Callable[[timedelta], Fraction]
WINDOWS = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 60)]  # the first is held up by its floor
NUMBERS = st.sampled_from([0, 1, 2, 3, 60, Fraction(1, 20)])
NAMES = st.sampled_from(["a", "b", "c"])
ARITHMETIC = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": lambda one, other: one / other if other else None,
}
COMPARISONS = {
    ">": lambda one, other: one > other,
    "<": lambda one, other: one < other,
    ">=": lambda one, other: one >= other,
    "==": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
}


@dataclass(frozen=True)
class Made:
    """An expression, and what it answers given each counter's rate, which is each gauge's value, too."""

    text: str
    answer: Callable[[dict[str, Fraction], Seconds], Value]


def number(value: Fraction | int) -> Made:
    return Made(str(float(value)), lambda _rates, _seconds: Fraction(value))


def counted(name: str, window: timedelta, function: str) -> Made:
    def answer(rates: dict[str, Fraction], seconds: Seconds) -> Value:
        return rates[name] * (seconds(window) if function == "increase" else 1)

    return Made(f"{function}({name}[{display_duration(window)}])", answer)


def gauge(name: str) -> Made:
    return Made(name, lambda rates, _seconds: rates[name])


def combined(one: Made, operator: str, other: Made) -> Made:
    def answer(rates: dict[str, Fraction], seconds: Seconds) -> Value:
        left, right = one.answer(rates, seconds), other.answer(rates, seconds)
        match operator:
            case "or":
                return left if left is not None else right
            case "unless":
                return left if right is None else None
        if left is None or right is None:
            return None
        if operator == "and":
            return left
        if operator in ARITHMETIC:
            return ARITHMETIC[operator](left, right)
        if operator.endswith(" bool"):
            return Fraction(COMPARISONS[operator.removesuffix(" bool")](left, right))
        return left if COMPARISONS[operator](left, right) else None

    return Made(f"({one.text} {operator} {other.text})", answer)


def _more(vectors: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    compared = [*COMPARISONS, *(f"{one} bool" for one in COMPARISONS)]
    any_ = vectors | NUMBERS.map(number)
    return (
        st.builds(combined, vectors, st.sampled_from([*ARITHMETIC, *compared]), any_)
        | st.builds(combined, NUMBERS.map(number), st.sampled_from([*ARITHMETIC]), vectors)
        | st.builds(combined, vectors, st.sampled_from(["and", "or", "unless"]), vectors)
    )


LEAVES = st.builds(counted, NAMES, st.sampled_from(WINDOWS), st.sampled_from(["increase", "increase", "rate"]))
VECTORS = st.recursive(LEAVES | NAMES.map(gauge), _more, max_leaves=5)
RATES = st.fixed_dictionaries(dict.fromkeys("abc", st.sampled_from([Fraction(n, 20) for n in (0, 1, 2, 5, 20, 60)])))


def in_production(window: timedelta) -> Fraction:
    return Fraction(window // timedelta(seconds=1))


def in_drill(window: timedelta) -> Fraction:
    return Fraction(DRILL.in_drill(window, Kind.RANGE) // timedelta(milliseconds=1), 1000)


@settings(max_examples=400, deadline=None)
@given(made=VECTORS, rates=RATES)
def test_what_is_taken_is_true_in_a_drill_when_it_is_in_production(made, rates):
    try:
        factor = factor_of(parse(made.text), {}, DRILL)
    except MeaningChanges:
        return
    before, after = made.answer(rates, in_production), made.answer(rates, in_drill)
    assert (before is None) is (after is None), made.text
    if before is not None and factor is not None and factor.samples == 0:
        assert after == before * factor.by, made.text


@pytest.mark.parametrize(
    ("text", "rate"), [("increase(a[5m]) > 3", 1), ("increase(a[1m]) > increase(a[5m]) * 0.21", 1)]
)
def test_what_is_left_out_for_a_count_would_answer_otherwise(text, rate):
    """The law would be empty if all were left out: these are, and rightly."""
    with pytest.raises(MeaningChanges):
        factor_of(parse(text), {}, DRILL)
    window = counted("a", timedelta(minutes=5), "increase")
    rates = {"a": Fraction(rate, 10)}
    assert window.answer(rates, in_production) > 3 > window.answer(rates, in_drill)
