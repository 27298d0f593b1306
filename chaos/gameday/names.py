"""Leaves people's names out of what is kept of a round: each becomes a role and a number."""

from pathlib import Path

import msgspec

from chaos.facts import game
from chaos.facts.game import AnyGameFact, Joined


def left_out(facts: list[AnyGameFact]) -> list[AnyGameFact]:
    """The same facts; what people wrote in words of their own stays as it is."""
    roles = {fact.who: fact.role for fact in reversed(facts) if isinstance(fact, Joined)}
    people = dict.fromkeys(who for fact in facts if (who := getattr(fact, "who", None)) is not None)
    called = {who: f"{roles.get(who, 'player')} {number}" for number, who in enumerate(people, 1)}
    return [
        msgspec.structs.replace(fact, who=called[fact.who]) if hasattr(fact, "who") else fact  # it is one of many kinds
        for fact in facts
    ]


def leave_out(file: Path) -> None:
    """Write the game's facts anew without names, once nobody adds to them any more."""
    facts = left_out(game.read(file))
    new = file.with_suffix(".new")
    new.write_bytes(b"".join(msgspec.json.encode(fact) + b"\n" for fact in facts))
    new.replace(file)
