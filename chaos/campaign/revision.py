"""Which revision of the project this is."""

import subprocess
from importlib import metadata
from pathlib import Path


def of(folder: Path) -> tuple[str, bool]:
    """The short revision and whether the work tree differs from it; of what is no checkout the package's version."""
    if not (folder / ".git").exists():
        # Asked there, git would tell of whatever repository it was installed into.
        return _installed(), False
    try:
        revision = _git(folder, "rev-parse", "--short", "HEAD").strip()
        return revision, bool(_git(folder, "status", "--porcelain", "--untracked-files=no").strip())
    except (OSError, subprocess.SubprocessError):
        return "unknown", False


def _installed() -> str:
    try:
        return metadata.version("stormdrill")
    except metadata.PackageNotFoundError:
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    command = ("git", *arguments)
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=5).stdout
