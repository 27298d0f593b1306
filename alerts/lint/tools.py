"""Runs promtool and amtool, and does not believe a success that tested nothing."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from alerts.lint.problem import Problem

PACKAGES = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}
# promtool evaluates every rule of a file at every step of its cases: cases that look back for hours take their time.
_LONGEST_SECONDS = 600.0


def check(alerts: Path) -> Iterator[Problem]:
    """What promtool says of rules and their cases, and amtool of the routing; each gets ten minutes."""
    missing = [name for name in PACKAGES if shutil.which(name) is None]
    for name in missing:
        yield Problem(name, "-", f"is missing, and nothing can be tested without it: install {PACKAGES[name]}")
    if missing:
        return
    for path in sorted(alerts.glob("*.rules.yml")):
        yield from _run("promtool", "check", "rules", path)
    for path in sorted(alerts.glob("*.test.yml")):
        yield from _run("promtool", "test", "rules", path)
    yield from _run("amtool", "check-config", alerts / "alertmanager.yml")


def _run(tool: str, *arguments: str | Path) -> Iterator[Problem]:
    command = (tool, *map(str, arguments))
    file = Path(command[-1])
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=False, cwd=file.parent
    )
    output = done.stdout + done.stderr
    place = " ".join((tool, *command[1:-1]))
    # promtool exits 0 when a test file's rule_files match nothing; it only says so.
    if done.returncode or "no file match pattern" in output or "SUCCESS" not in output:
        yield Problem(file.name, place, f"exit {done.returncode}: {' '.join(output.split())}")
