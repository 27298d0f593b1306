"""The findings and numbers of claims in words."""

import math
from typing import assert_never

from chaos.verdict.claims import (
    BoundResult,
    ClaimEndedEarly,
    ClaimFactsLost,
    ClaimFinding,
    ClientFull,
    ClientLate,
    LimitTooLow,
    LimitUnknown,
    MachineBusy,
    MachineUnseen,
    Measure,
)


def of_finding(finding: ClaimFinding) -> str:
    """Why a recording can say nothing, and what to do about it."""
    match finding:
        case ClaimEndedEarly(how, detail):
            return f"the measurement did not come to its end: {how}{f': {detail}' if detail else ''}"
        case ClaimFactsLost(kinds):
            return f"the recording is not whole: facts of the kind {', '.join(kinds)} are missing"
        case LimitTooLow(limit, value, needed, how):
            return f"this machine's limit {limit} is {number(value)}, the claim needs {number(needed)}: {how}"
        case LimitUnknown(limit):
            return f"nobody could say what this machine's limit {limit} is"
        case MachineBusy(cores, most):
            return f"others kept {cores:.2f} cores busy before it began, at most {most:g} may be: end what else runs"
        case MachineUnseen():
            return "nobody looked at how busy others kept the machine before it began"
        case ClientLate(load, p99, most, others):
            late = "never looked at" if p99 is None else f"{p99 * 1000:.1f} ms late with one request of a hundred"
            return (
                f"the process that asks was {late} (at most {most * 1000:g} ms) in {load}{_and(others)}:"
                " it needs a core of its own, or a lower rate"
            )
        case ClientFull(load, share, most, others):
            return (
                f"the process that asks took {share:.0%} of a core (at most {most:.0%}) in {load}{_and(others)}:"
                " it needs a core of its own, or a lower rate"
            )
        case _ as unreachable:
            assert_never(unreachable)


def _and(others: int) -> str:
    return f", and too much in {others} more stages" if others else ""


def of_bound(result: BoundResult) -> str:
    """What was seen, and what was wanted."""
    seen = "not known" if result.seen is None else of_measure(result.seen)
    return f"{seen}, wanted {result.wanted}"


def of_measure(measure: Measure) -> str:
    """A number with its interval and unit."""
    unit = f" {measure.unit}" if measure.unit else ""
    if measure.low == measure.high:
        return f"{number(measure.value)}{unit}"
    return f"{number(measure.value)} ({number(measure.low)} to {number(measure.high)}){unit}"


def number(value: float) -> str:
    """For people: whole where it is, else three figures."""
    if not math.isfinite(value):
        return str(value)
    if value == round(value) and abs(value) < 1e15:
        return f"{round(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
