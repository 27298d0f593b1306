"""Writes what a run is remembered by beside its recording: the verdict and its reports."""

from pathlib import Path

from chaos.facts import recording
from chaos.judge.judge import judge
from chaos.report import document, html, junit, terminal
from chaos.verdict.verdict import Verdict

VERDICT_FILE = "verdict.json"
REPORT_FILE = "report.txt"
HTML_FILE = "report.html"
JUNIT_FILE = "junit.xml"


def judge_and_write(folder: Path) -> Verdict:
    """Judge a recording and write the verdict and every report into its folder. Raises InvalidFile."""
    recorded = recording.read(folder)
    verdict = judge(recorded)
    (folder / VERDICT_FILE).write_bytes(document.render(verdict))
    (folder / REPORT_FILE).write_text(terminal.render(verdict, shown(folder)))
    (folder / HTML_FILE).write_text(html.render(verdict, recorded, shown(folder)))
    (folder / JUNIT_FILE).write_bytes(junit.render(verdict, recorded.seconds))
    return verdict


def judge_and_print(folder: Path) -> int:
    """Judge a recording, write the reports, print the one for a terminal; the verdict's exit code."""
    verdict = judge_and_write(folder)
    print(terminal.render(verdict, shown(folder)))
    print(terminal.last_line(verdict, shown(folder / REPORT_FILE)))
    return verdict.exit_code


def shown(path: Path) -> str:
    """A path for people: from here where it is below here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
