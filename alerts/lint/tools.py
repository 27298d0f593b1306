"""Runs promtool and amtool, and does not believe a success that tested nothing."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alerts.lint.problem import Problem

PACKAGES = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}
ON_PATH = {name: name for name in PACKAGES}
# promtool evaluates every rule of a file at every step of its cases: cases that look back for hours take their time.
_LONGEST_SECONDS = 600.0


def check(alerts: Path, programs: Mapping[str, str] = ON_PATH) -> Iterator[Problem]:
    """What promtool says of rules and their cases, and amtool of the routing; each gets ten minutes.

    `programs` says which promtool and which amtool.
    """
    missing = [name for name in PACKAGES if shutil.which(programs[name]) is None]
    for name in missing:
        yield Problem(name, "-", f"is missing, and nothing can be tested without it: install {PACKAGES[name]}")
    if missing:
        return
    asked = [("promtool", "check", "rules", path) for path in sorted(alerts.glob("*.rules.yml"))]
    # Each uses one core; slo.test.yml, near the end, looks back for hours and must not be begun last.
    asked += [("promtool", "test", "rules", path) for path in sorted(alerts.glob("*.test.yml"), reverse=True)]
    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        answers = side_by_side.map(
            lambda one: _run(programs, *one), [*asked, ("amtool", "check-config", alerts / "alertmanager.yml")]
        )
        yield from sorted(problem for problem in answers if problem)


def _run(programs: Mapping[str, str], tool: str, *arguments: str | Path) -> Problem | None:
    command = (programs[tool], *map(str, arguments))
    file = Path(command[-1])
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=False, cwd=file.parent
    )
    output = done.stdout + done.stderr
    place = " ".join((tool, *command[1:-1]))
    # promtool exits 0 when a test file's rule_files match nothing; it only says so.
    if done.returncode or "no file match pattern" in output or "SUCCESS" not in output:
        return Problem(file.name, place, f"exit {done.returncode}: {' '.join(output.split())}")
    return None
