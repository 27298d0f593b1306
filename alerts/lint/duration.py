"""Durations as Prometheus writes them."""

from promql_parser import parse_duration


def seconds(text: str) -> float:
    """Read `2m45s`; a zero may be written with any unit. Raises ValueError for what is no duration."""
    # The parser refuses zero, and takes a bare number for seconds, which the servers refuse.
    if text in {"0", "0s", "0m", "0h", "0ms"}:
        return 0.0
    if text.isdecimal():
        raise ValueError(f"{text!r}: a unit is missing")
    return parse_duration(text).total_seconds()
