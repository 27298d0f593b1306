"""Which revision of the project this is."""

import subprocess
from pathlib import Path


def of(folder: Path) -> tuple[str, bool]:
    """The short revision and whether the work tree differs from it; ("unknown", False) outside git."""
    try:
        revision = _git(folder, "rev-parse", "--short", "HEAD").strip()
        return revision, bool(_git(folder, "status", "--porcelain", "--untracked-files=no").strip())
    except (OSError, subprocess.SubprocessError):
        return "unknown", False


def _git(folder: Path, *arguments: str) -> str:
    command = ("git", *arguments)
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=5).stdout
