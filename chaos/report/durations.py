"""How lengths of time are written: seconds where they are seconds, minutes where they are minutes."""

_SECONDS_UP_TO = 100.0
_MINUTES_ALONE_FROM = 600.0
_HOUR_IN_MINUTES = 60


def spoken(seconds: float) -> str:
    """As one says it: `5 s`, `42.9 s`, `4 min 12 s`, `27 min`, `2 h 5 min`."""
    if seconds < 0:
        return f"-{spoken(-seconds)}"
    if seconds < _SECONDS_UP_TO:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if seconds < _MINUTES_ALONE_FROM:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    words = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    return " ".join(words)


def signed(seconds: float) -> str:
    """Beside a moment: `+12 s`, `-5 s`."""
    return f"{'-' if seconds < 0 else '+'}{spoken(round(abs(seconds), 1))}"


def written(seconds: float) -> str:
    """As in an experiment's file where it is in seconds: `15s`; else as `spoken`."""
    return f"{seconds:g}s" if abs(seconds) < _SECONDS_UP_TO else spoken(seconds)


def measured(seconds: float, digits: int = 2) -> str:
    """As it was measured: `3.21 s`, and in minutes from where hundredths say nothing."""
    if seconds < 0:
        return f"-{measured(-seconds, digits)}"
    if seconds < _SECONDS_UP_TO:
        return f"{seconds:.{digits}f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest and minutes < _HOUR_IN_MINUTES else spoken(seconds)


def clock(seconds: float) -> str:
    """In a column of seven characters: `  5.1 s`, `12:34 m` from ten minutes on, `2:05 h` from a hundred."""
    if seconds < _MINUTES_ALONE_FROM:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < _SECONDS_UP_TO:
        return f"{minutes}:{rest:02} m"
    return f"{minutes // 60}:{minutes % 60:02} h"
