"""Which role may do what, as one table."""

_EVERYBODYS = ("join", "note", "answer", "runbook")
_PLAYERS = (*_EVERYBODYS, "acknowledge", "claim", "act", "hint", "over")

MAY: dict[str, tuple[str, ...]] = {
    # Names are free text: what a player looks at under another name would count against nobody who claims.
    "host": (*_PLAYERS, "truth", "steer"),
    "player": _PLAYERS,
    "scribe": _EVERYBODYS,
    "watcher": (),
}
"""Verbs, by whose token was shown."""


def may(role: str, verb: str) -> bool:
    """Whether whoever has this role's token may do it."""
    return verb in MAY.get(role, ())
