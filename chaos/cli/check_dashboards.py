"""Proof that the dashboards show something: ordinary load on the stack, and every panel's every query asked."""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from chaos.errors import InvalidFile, SignalUnavailable
from chaos.faults.hands import System
from chaos.judge import panel_shown
from chaos.judge.panel_shown import Shown
from chaos.load import starter
from chaos.machine.clock import SystemClock
from chaos.machine.interrupts import Interrupts
from chaos.observe.panels import PanelSource
from chaos.spec import panel, substitute
from chaos.spec.target import Dashboards
from chaos.spec.values import Duration
from chaos.undo.journal import UndoJournal, UndoRecord
from chaos.undo.lease import Heartbeat, LeaseFile
from chaos.undo.stop_load import StopLoad

SHOWS_WITHIN_SCRAPES = 45
"""From the load's first request: rates and quantiles take a window or two."""
_LOOKED_BACK_SCRAPES = 15
_LOOK_EVERY_SECONDS = 1.0
_BESIDES_SECONDS = 75.0  # for the load to begin, and for the last answers
_FIRST_REQUEST_WITHIN = timedelta(seconds=20)
_NAME = "check-dashboards"

Waits = Callable[[str], None]


def check(system: System, within: Duration | None, waits: Waits, interrupts: Interrupts) -> list[Shown]:
    """Put the target's own load on the stack until every panel shows data, at most `within`; then end it.

    None: for SHOWS_WITHIN_SCRAPES.

    The answer is what each panel, and the query behind each variable, showed when it was last asked. Raises InvalidFile
    when the target has no dashboards, RunInProgress when a run holds the lease, Interrupted when the load is ended.
    """
    dashboards = system.target.dashboards
    if dashboards is None:
        raise InvalidFile(system.target.state_folder / "target.yaml", "dashboards", "the target names none")
    within = within or Duration(seconds=SHOWS_WITHIN_SCRAPES * dashboards.scrape_interval.in_seconds)
    run_id = f"{_NAME}-{os.getpid()}"
    lease = LeaseFile(system.target.state_folder, SystemClock())
    lease.acquire(run_id, within.in_seconds + _BESIDES_SECONDS)
    try:
        with Heartbeat(lease, run_id), tempfile.TemporaryDirectory(prefix=f"stormdrill-{_NAME}-") as folder:
            return _under_load(system, dashboards, within, run_id, Path(folder), waits, interrupts)
    finally:
        lease.release(run_id)


def _under_load(
    system: System,
    dashboards: Dashboards,
    within: Duration,
    run_id: str,
    folder: Path,
    waits: Waits,
    interrupts: Interrupts,
) -> list[Shown]:
    journal = UndoJournal(system.target.state_folder)
    lasts = timedelta(seconds=within.in_seconds + _BESIDES_SECONDS)
    settings = replace(system.target.load.settings(), max_duration=lasts)
    process = starter.of_target(folder, system.target, settings, time.monotonic())
    # Should we die, the watchdog ends it.
    journal.register(run_id, _NAME, StopLoad(process.pid, process.started, process.boot))

    def own(record: UndoRecord) -> bool:
        return record.run_id == run_id

    try:
        starter.await_first_request(process, folder, _FIRST_REQUEST_WITHIN)
        return _look_until_all_show(system, dashboards, within, waits, interrupts)
    except starter.LoadNotStarted as error:
        raise SignalUnavailable(str(error)) from error
    finally:
        journal.replay(system, SystemClock(), only=own)


def _look_until_all_show(
    system: System, dashboards: Dashboards, within: Duration, waits: Waits, interrupts: Interrupts
) -> list[Shown]:
    times = substitute.times(dashboards.scrape_interval, panel.SHOWN)
    folder = Path(dashboards.folder)
    panels = panel.read(folder, times) + panel.read_variables(folder, times)
    source = PanelSource(system.target.urls.prometheus, dashboards.scrape_interval)
    deadline = time.monotonic() + within.in_seconds
    looked_back = _LOOKED_BACK_SCRAPES * dashboards.scrape_interval.in_seconds
    rows: dict[int, Shown] = {}
    while True:
        empty = [index for index in range(len(panels)) if index not in rows or rows[index].amiss]
        if not empty or (rows and time.monotonic() > deadline):
            source.close()
            return [rows[index] for index in range(len(panels))]
        if rows:
            first = ", ".join(f"{panels[index].dashboard} / {panels[index].title}" for index in empty[:2])
            waits(f"for data on {len(empty)} of {len(panels)}: {first}{', …' if len(empty) > 2 else ''}")
            interrupts.wait(_LOOK_EVERY_SECONDS)
        now = time.time()
        answers = source.answers([panels[index] for index in empty], now - looked_back, now)
        rows |= {index: panel_shown.judge(panels[index], answer) for index, answer in zip(empty, answers, strict=True)}
