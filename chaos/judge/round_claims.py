"""What people said is broken: which of it was right when it was said, and what of it counts."""

import math
from collections.abc import Sequence

from chaos.facts.game import AnyGameFact, Claimed, HoldEnded, TruthShown
from chaos.spec.gameday.truth import Truth
from chaos.verdict.round import ClaimResult

SURE_ENOUGH = 0.5
"""Who is less sure of it than of all else together has not made a diagnosis."""
RULE = "that was right, at least 50 % sure, and that its author stayed with"


def judge(facts: Sequence[AnyGameFact], truth: Truth, injected: float | None) -> list[ClaimResult]:
    """Every claim, each beside what was broken when it was made. `injected`: when the first fault came, if one did."""
    known = {fact.who: fact.number for fact in reversed(facts) if isinstance(fact, TruthShown)}
    over = next((fact.number for fact in facts if isinstance(fact, HoldEnded)), math.inf)

    def why_not(claim: Claimed) -> str:
        if injected is None:
            return "nothing was injected"
        if claim.at < injected:
            return "before the injection"
        if claim.number > known.get(claim.who, math.inf):
            return "after the truth was shown"
        return "after the hold had ended" if claim.number > over else ""

    return [_result(fact, truth, injected or 0.0, why_not(fact)) for fact in facts if isinstance(fact, Claimed)]


def _result(claim: Claimed, truth: Truth, zero: float, why_not: str) -> ClaimResult:
    right = truth.is_right(claim.component, claim.family, claim.at)
    return ClaimResult(
        claim.who,
        claim.at - zero,
        claim.component,
        claim.family,
        claim.confidence,
        right,
        not why_not,
        why_not,
    )


def diagnosed(claims: Sequence[ClaimResult]) -> float | None:
    """When the first person was right and sure enough, and stayed so with every later claim; None: nobody did.

    Who goes through all that may be named has said nothing: each claim takes back the one before.
    """
    since = [_stands_since([one for one in claims if one.scored and one.who == who]) for who in _people(claims)]
    return min((at for at in since if at is not None), default=None)


def _people(claims: Sequence[ClaimResult]) -> list[str]:
    return list(dict.fromkeys(claim.who for claim in claims))


def _stands_since(of_one: Sequence[ClaimResult]) -> float | None:
    since = None
    for claim in of_one:
        counts = claim.right and claim.confidence >= SURE_ENOUGH
        since = (claim.after if since is None else since) if counts else None
    return since


def brier(claims: Sequence[ClaimResult]) -> dict[str, float]:
    """Of each person's last claim, half of the squared distance between what was said and what is, over every answer.

    A claim that is `c` sure leaves 1 - c to all other answers, of which there are so many that no single one of them
    weighs anything. Right: only its own answer is off, by 1 - c. Wrong: it is off by c, and the right one by 1. That is
    a proper rule: whoever is right with probability p expects least at c = p, and the less the likelier he is right. No
    other weight of the two does: with (1 - c)^2 where it is right, one would be expected best at c = 2p / (1 + p).
    """
    last = {claim.who: claim for claim in claims if claim.scored}
    return {who: round(_half_of_squares(claim), 4) for who, claim in last.items()}


def _half_of_squares(claim: ClaimResult) -> float:
    sure = claim.confidence
    return ((1 - sure) ** 2 if claim.right else 1 + sure**2) / 2
