"""Recordings of claims as tests make them: the claim's own file, and facts that were never measured."""

import msgspec

from chaos.facts.claims import histogram
from chaos.facts.claims.facts import BusySeen, ClaimEnded, ClaimStarted, LimitSeen, LoadSeen, Reading, SecondSeen
from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims import judge
from chaos.judge.claims.table import READERS
from chaos.spec.claims import claim as claims
from compose.settings import ROOT


def load(labels, rate=100.0, seconds=4.0, took=0.01, failed=0, by_tag=None, **fields):
    """One load; `by_tag` has how many answers there were by what they said, each with the time it took."""
    answered = sum(count for count, _ in by_tag.values()) if by_tag else round(rate * seconds) - failed
    seen = LoadSeen(
        at=0.0, labels=labels, profile="found", stage=0, began=0.0, seconds=seconds, lasted=seconds,
        sent=answered + failed, answered=answered, failed={"timeout": failed} if failed else {},
        latencies=all_took(took, answered), service=all_took(took, answered),
        by_tag={tag: all_took(time, count) for tag, (count, time) in (by_tag or {}).items()},
        lag=histogram.of([0.001] * 100), cpu_seconds=0.1, connections=8, body_bytes=0, head_bytes=0, closed=False,
    )  # fmt: skip
    return msgspec.structs.replace(seen, **fields)


def all_took(seconds, count):
    """So many times, all alike."""
    return [(histogram.bucket(seconds), count)] if count else []


def second(number, p99, answered=100, failed=0):
    """One second of a load."""
    return SecondSeen(number, answered, failed, p99, p99, p99)


def reading(name, value, **labels):
    """One number."""
    return Reading(0.0, name, value, "", labels)


def recording(name, facts, **numbers):
    """A whole recording of this claim; `numbers` in place of its file's."""
    claim = claims.read(ROOT / "chaos" / "hypotheses" / f"{name}.yaml")
    claim = msgspec.structs.replace(claim, numbers={**claim.numbers, **numbers})
    limits = [LimitSeen(0.0, limit, value, "") for limit, value in claim.needs.items()]
    begun = [ClaimStarted(0.0, name, 0.0, "r", False, "m"), *limits, BusySeen(0.0, 0.1, 2.0), *facts]
    wrote = {}
    for fact in begun:
        kind = str(type(fact).__struct_config__.tag)
        wrote[kind] = wrote.get(kind, 0) + 1
    return ClaimRecording(claim, (*begun, ClaimEnded(9.0, "completed", "", wrote)))


def judged(name, facts, **numbers):
    """The verdict of it."""
    return judge.judge(name, recording(name, facts, **numbers), READERS[name])


def measured(name, facts, **numbers):
    """Its measures by name."""
    return {one.name: one for one in READERS[name].measures(recording(name, facts, **numbers))}
