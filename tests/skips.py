"""Where every server is said to be there, as in CI, a test that skips is a failure, unless it is listed here.

Where the tests bring an engine of their own nothing is excused.
"""

import os
from collections.abc import Mapping

import pytest

MEANT: Mapping[str, str] = {
    "for the tests' own engine only": "it changes the machine; STORMDRILL_OWN_DOCKER=1 asks for it, and does not skip",
}
"""Start of a reason to skip → why it is none to fail for."""
_ANNOUNCED_BY = ("CI", "STORMDRILL_OWN_DOCKER")

_unmeant = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_unmeant] = []
    config.pluginmanager.register(_Watch(config), "stormdrill-skips")


class _Watch:
    def __init__(self, config: pytest.Config) -> None:
        self.unmeant = config.stash[_unmeant]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.unmeant and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.unmeant:
            terminalreporter.section("skipped where nothing may be skipped", red=True)
            for line in self.unmeant:
                terminalreporter.write_line(line)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        # A test that is expected to fail, and does, is reported as skipped, too.
        if not report.skipped or hasattr(report, "wasxfail") or not any(map(os.environ.get, _ANNOUNCED_BY)):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        # What is excused elsewhere is what this one asks for.
        excused = () if os.environ.get("STORMDRILL_OWN_DOCKER") else tuple(MEANT)
        if not reason.startswith(excused):
            self.unmeant.append(f"{report.nodeid}: {reason}")
