"""`python -m alerts.lint`: prints what is wrong, one line each; exit 1 when anything is."""

import argparse
import sys
from pathlib import Path

from alerts.lint import contract, dashboards, rules, snapshot, tools
from alerts.lint.folder import Folders, read
from alerts.lint.problem import Problem, Unreadable

_HERE = Path(__file__).resolve().parents[1]


def problems(folders: Folders) -> list[Problem]:
    """All that is wrong in these folders, without asking promtool and amtool."""
    try:
        everything, series = read(folders), snapshot.load(folders.alerts / "series.yml")
    except Unreadable as error:
        return [error.problem]
    found = [*_empty(folders), *rules.check(everything, series), *contract.check(everything)]
    return sorted({*found, *dashboards.check(everything, series)})


def _empty(folders: Folders) -> list[Problem]:
    """Folders in which nothing was found: what is not there cannot be wrong, and would pass."""
    expected = {folders.alerts: "*.rules.yml", folders.dashboards: "*.json", folders.experiments: "*.yaml"}
    return [
        Problem(folder.name, "-", f"holds no {pattern}")
        for folder, pattern in expected.items()
        if folder is not None and not any(folder.glob(pattern))
    ]


def main(arguments: list[str] | None = None) -> int:
    """Check the folders that are given; 0 when all is well, 1 when something was printed."""
    parser = argparse.ArgumentParser(prog="lint-alerts", description="Check alert rules and what belongs to them.")
    # An installed linter comes without rules.
    alone = not any(_HERE.glob("*.rules.yml"))
    parser.add_argument("--alerts", type=Path, default=_HERE, required=alone, help="rules, cases, runbooks, series.yml")
    parser.add_argument("--dashboards", type=Path, default=_HERE.parent / "dashboards", help="folder of *.json")
    parser.add_argument("--no-dashboards", action="store_true", help="there are none to check")
    parser.add_argument("--experiments", type=Path, default=_HERE.parent / "chaos" / "experiments", help="of *.yaml")
    parser.add_argument("--no-experiments", action="store_true", help="there are none to check")
    given = parser.parse_args(arguments)
    dashboards = None if given.no_dashboards else given.dashboards
    experiments = None if given.no_experiments else given.experiments
    for name, folder in (("dashboards", dashboards), ("experiments", experiments)):
        if folder is not None and not folder.is_dir():
            parser.error(f"{folder} is no folder: name it by --{name}, or say --no-{name}")
    # Programs are started from the folder of the file that they read.
    folders = Folders(given.alerts.resolve(), dashboards, experiments)
    found = [*problems(folders), *tools.check(folders.alerts)]
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
