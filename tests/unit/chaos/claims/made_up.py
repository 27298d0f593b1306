"""Recordings of claims that were never measured."""

from pathlib import Path

import msgspec

from chaos.facts.claims import histogram
from chaos.facts.claims.facts import BusySeen, ClaimEnded, ClaimStarted, LimitSeen, LoadSeen, Reading
from chaos.facts.claims.recording import ClaimRecording
from chaos.spec.claims import claim as claims
from compose.settings import ROOT

HYPOTHESES = ROOT / "chaos" / "hypotheses"


def claim(name: str):
    """One of ours."""
    return claims.read(HYPOTHESES / f"{name}.yaml")


def load(**more) -> LoadSeen:
    """A stage in which all went well and the client was on time; give what is different."""
    given = {
        "at": 2.0, "labels": {}, "profile": "made-up", "stage": 0, "began": 1.0, "seconds": 1.0, "lasted": 1.0,
        "sent": 100, "answered": 100, "failed": {}, "latencies": histogram.of([0.01] * 100),
        "service": histogram.of([0.01] * 100), "lag": histogram.of([0.0001] * 100), "cpu_seconds": 0.1,
        "connections": 8, "body_bytes": 10_000, "head_bytes": 10_000,
    }  # fmt: skip
    return LoadSeen(**(given | more))


def reading(name: str, value: float, **labels: str) -> Reading:
    """A number."""
    return Reading(1.5, name, value, "", labels)


def recording(name: str, *facts, limits=None, looked=True, ended="completed", wrote=None, made=None) -> ClaimRecording:
    """A whole recording of one of our claims with these facts in it, on a machine that has all that it needs."""
    of = made or claim(name)
    needed = {need: value * 2 for need, value in of.needs.items()} if limits is None else limits
    body = [
        ClaimStarted(0.0, name, 1.0, "abc", False, "a machine"),
        *(LimitSeen(0.1, limit, value, "raise it") for limit, value in needed.items()),
        *([BusySeen(0.2, 0.1, 2.0)] if looked else []),
        *facts,
    ]
    counts: dict[str, int] = {}
    for fact in body:
        tag = str(type(fact).__struct_config__.tag)
        counts[tag] = counts.get(tag, 0) + 1
    return ClaimRecording(of, (*body, ClaimEnded(9.0, ended, "", counts if wrote is None else wrote)))


def written(folder: Path, seen: ClaimRecording, file: Path) -> Path:
    """The recording on disk."""
    folder.mkdir(parents=True)
    (folder / "claim.yaml").write_bytes(file.read_bytes())
    (folder / "facts.ndjson").write_bytes(b"".join(msgspec.json.encode(fact) + b"\n" for fact in seen.facts))
    return folder
