"""Puts values in the place of Grafana's variables, as Grafana does before it asks Prometheus."""

import re
from datetime import timedelta

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")
FEWEST_SCRAPES = 4
"""`$__rate_interval` never spans less: a rate needs two samples, and scrapes may be late or lost."""


def times(scrape: timedelta, shown: timedelta, step: timedelta | None = None) -> dict[str, str]:
    """Grafana's own variables for a panel that shows so much time in such steps (default: one a scrape)."""
    interval = max(step or scrape, scrape)
    return {
        "__interval": _promql(interval),
        "__interval_ms": str(round(interval.total_seconds() * 1000)),
        "__rate_interval": _promql(rate_interval(scrape, interval)),
        "__range": _promql(shown),
        "__range_s": str(round(shown.total_seconds())),
        "__range_ms": str(round(shown.total_seconds() * 1000)),
    }


def rate_interval(scrape: timedelta, interval: timedelta) -> timedelta:
    """Grafana's `$__rate_interval`; the data source's `timeInterval` must be the scrape interval for it to be right."""
    return max(interval + scrape, FEWEST_SCRAPES * scrape)


def substitute(expression: str, variables: dict[str, str]) -> str:
    """The expression with every `$name`, `${name}` and `${name:format}` replaced.

    Raises ValueError naming a variable that has no value: Prometheus would take it for text and show nothing.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in variables:
            raise ValueError(f"unknown variable ${name} in {expression!r}")
        return variables[name]

    return _VARIABLE.sub(value, expression)


def _promql(length: timedelta) -> str:
    milliseconds = round(length.total_seconds() * 1000)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"
