"""What is told of a run once its seal is open."""

import contextlib
from pathlib import Path

import msgspec

from chaos.campaign.artifacts import VERDICT_FILE
from chaos.console.view import Opened
from chaos.errors import ChaosError
from chaos.gameday import ending, sealing
from chaos.spec.gameday import deck
from chaos.verdict.verdict import Verdict


def opened(folder: Path, page: str, is_round: bool, again: bool) -> Opened:
    """All that is told of a run; `again`: with a score from the recording, and not the one that was kept."""
    title, truth, score = folder.name, "", None
    with contextlib.suppress(OSError, msgspec.DecodeError):
        title = msgspec.json.decode((folder / VERDICT_FILE).read_bytes(), type=Verdict).title
    if not is_round:
        return Opened(title, truth, score, page)
    # Of a round that was broken off there may be less.
    with contextlib.suppress(ChaosError, OSError, ValueError):
        truth = deck.played(sealing.experiment(folder), sealing.read(folder).sealed.injects).describe_faults()
        score = ending.score_of(folder)
    with contextlib.suppress(ChaosError, OSError, ValueError):
        true, computed = ending.score_again(folder)
        truth, score = true.words, computed if again else score
    return Opened(title, truth, score, page)
