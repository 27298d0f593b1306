"""The result of a game day's round: parts beside their par, never a sum or a mean."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Part(msgspec.Struct, frozen=True):
    """One thing that people did, and what the telemetry made possible."""

    name: str
    value: Annotated[float | None, Meta(description="Seconds since the injection, unless `unit` says otherwise.")]
    par: Annotated[float | None, Meta(description="When it could have been done at the earliest; null: never.")]
    unit: str = "s"
    words: str = ""
    """What it says, for people."""


class ClaimResult(msgspec.Struct, frozen=True):
    """One diagnosis."""

    who: str
    after: Annotated[float, Meta(description="Seconds since the injection, or the start where there was none.")]
    component: str
    family: str
    confidence: float
    right: bool
    scored: Annotated[
        bool, Meta(description="Whether it was made while the fault was there, by who had not looked.")
    ] = True
    why_not: str = ""
    """Why it is not scored, in words; empty where it is, and in scores of earlier releases."""


class RoundScore(msgspec.Struct, frozen=True):
    """What one round came to."""

    parts: list[Part]
    claims: list[ClaimResult]
    brier: Annotated[
        dict[str, float],
        Meta(description="Of each person's last claim: 0 certain and right, 0.5 not sure at all, 1 certain and wrong."),
    ]
    hints: int
    hurt: Annotated[float | None, Meta(description="When users began to be hurt; null: they never were.")]
    panel: Annotated[str, Meta(description="The first panel that moved, in words; empty: none did.")]
    ended: str
    gaps: list[str]
    """What was possible and did not happen, in words."""
    looked: list[str] = []
    """Who had the truth shown before the reveal."""
