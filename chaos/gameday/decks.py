"""The day's deck, its open action items, and the rounds that were played."""

from collections.abc import Iterable
from pathlib import Path

from chaos.facts.game import GAME_FILE
from chaos.report import debrief

DEBRIEF_FILE = "debrief.md"
DEBRIEF_PAGE = "debrief.html"


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


def same_day(runs: Path, day: str) -> Iterable[Path]:
    """The rounds whose id begins with this day, as `20261130`."""
    return [folder for folder in rounds(runs) if folder.name.startswith(day)]
