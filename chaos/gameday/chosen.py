"""Which instances the faults of a round chose when they came: who names one of them is right, as pages name them."""

from chaos.facts.recording import Facts
from chaos.facts.run import Injected, StagedInjected


def of(recorded: Facts) -> dict[int | None, list[str]]:
    """Of each fault that has come; None is the main one, a number a place under `also`."""
    found: dict[int | None, list[str]] = {fact.staged: fact.chosen for fact in recorded.all(StagedInjected)}
    if (injected := recorded.first(Injected)) is not None:
        found[None] = injected.chosen
    return found
