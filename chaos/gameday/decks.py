"""The day's deck, its open action items, and the rounds that were played."""

from pathlib import Path

import msgspec

from chaos.campaign.artifacts import VERDICT_FILE
from chaos.facts.game import GAME_FILE
from chaos.report import day as days
from chaos.report import debrief
from chaos.report.day import RoundOfDay
from chaos.verdict.round import RoundScore
from chaos.verdict.verdict import Verdict

DEBRIEF_FILE = "debrief.md"
DEBRIEF_PAGE = "debrief.html"
SCORE_FILE = "score.json"
_DAY_DIGITS = 8
"""Of a run's id."""


def rounds(runs: Path) -> list[Path]:
    """The folder of each round that was played, the newest last."""
    return sorted(file.parent for file in runs.glob(f"*/{GAME_FILE}") if not file.parent.is_symlink())


def open_items(runs: Path) -> list[str]:
    """What the last debrief still wants done: who plays again reads it first."""
    for folder in reversed(rounds(runs)):
        file = folder / DEBRIEF_FILE
        if file.exists():
            return debrief.open_items(file.read_text())
    return []


def write_day(runs: Path) -> Path:
    """Write the page that compares the rounds of the newest one's day; where it is. There has to be a round."""
    day = rounds(runs)[-1].name[:_DAY_DIGITS]
    played = [_round(folder) for folder in rounds(runs) if folder.name.startswith(day)]
    file = runs / f"gameday-{day}.html"
    words = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    file.write_text(days.html(words, [one for one in played if one is not None]))
    return file


def _round(folder: Path) -> RoundOfDay | None:
    """None where it is sealed, or was judged by a release that cannot be read."""
    try:
        score = msgspec.json.decode((folder / SCORE_FILE).read_bytes(), type=RoundScore)
        verdict = msgspec.json.decode((folder / VERDICT_FILE).read_bytes(), type=Verdict)
    except (OSError, msgspec.DecodeError):
        return None
    return RoundOfDay(folder.name, verdict.title, verdict.outcome.value, score)
