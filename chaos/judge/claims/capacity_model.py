"""What a request of each layer costs each program, and what follows for a rate and a mix. Pure.

Costs are CPU time, not wall time: a request that waits costs nothing meanwhile. Each load of the measurement is a mix
of layers, as its answers say themselves; the costs are those that explain best, by least squares, what all took.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chaos.judge.claims import linear
from chaos.judge.claims.layers import Layer

RESAMPLES = 200
LAYERS = (Layer.HTTP, Layer.MEMORY, Layer.REDIS, Layer.POSTGRES)
"""What the model tells apart; a stale answer is a request to Postgres that failed, and makes a load none of these."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One load, and what it took."""

    kind: str
    """Loads of one kind differ by chance alone."""
    shares: Mapping[Layer, float]
    cpu: Mapping[str, float]
    """Seconds a request that each program took, beyond what it takes at rest."""


Costs = Mapping[str, Mapping[Layer, float]]
"""Seconds of CPU by program and layer."""


def costs(runs: Sequence[Ran]) -> Costs | None:
    """What a request of each layer costs each program; None where the loads do not tell the layers apart."""
    if not runs:
        return None
    rows = [[one.shares.get(layer, 0.0) for layer in LAYERS] for one in runs]
    found: dict[str, Mapping[Layer, float]] = {}
    for program in runs[0].cpu:
        solution = linear.of_errors(rows, [one.cpu[program] for one in runs])
        if solution is None:
            return None
        # A layer that a program has nothing to do with comes out as a little less, or more, than nothing.
        found[program] = dict(zip(LAYERS, (max(0.0, one) for one in solution), strict=True))
    return found


def resampled(runs: Sequence[Ran], seed: int = 1) -> list[Costs]:
    """Costs of the same loads drawn anew, each among those of its kind: how well they are known."""
    chance = random.Random(seed)
    kinds: dict[str, list[Ran]] = {}
    for one in runs:
        kinds.setdefault(one.kind, []).append(one)
    drawn = [
        costs([again for of_kind in kinds.values() for again in chance.choices(of_kind, k=len(of_kind))])
        for _ in range(RESAMPLES)
    ]
    return [one for one in drawn if one is not None]


def a_request(model: Costs, shares: Mapping[Layer, float], programs: Sequence[str] = ()) -> float:
    """Seconds of CPU that a request of this mix costs these programs; all of them where none is named."""
    return sum(
        share * model[program][layer]
        for program in programs or model
        for layer, share in shares.items()
        if layer in LAYERS
    )


def highest_rate(model: Costs, shares: Mapping[Layer, float], cores: float) -> float:
    """Requests a second of this mix that so many cores can pay for; infinite where they cost nothing."""
    each = a_request(model, shares)
    return cores / each if each > 0 else float("inf")
