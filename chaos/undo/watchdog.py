"""The lease's other end: a process beside the stack that undoes a run whose runner is gone.

It also shows live faults as the metric `chaos_fault_active`, for dashboards and for whoever is on call.
"""

import argparse
import contextlib
import logging
import signal
import threading
from collections.abc import Iterable
from pathlib import Path

import structlog
from prometheus_client import start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from chaos.control.of_target import control_of
from chaos.errors import UndoFailed
from chaos.faults import agent, saved_state
from chaos.faults.hands import System
from chaos.machine import process_identity
from chaos.machine.clock import Clock, SystemClock
from chaos.reach import postgres, redis_cluster
from chaos.spec import target as targets
from chaos.undo import watched
from chaos.undo.end_silence import EndSilence
from chaos.undo.journal import UndoJournal
from chaos.undo.lease import End, Lease, LeaseFile
from chaos.undo.stop_load import StopLoad

_LOOK_EVERY_SECONDS = 0.25
_RUN_BEGINS_WITHIN_SECONDS = 60.0
REPORT_FILE = "watchdog.log"

log = structlog.get_logger(__name__)


class Watchdog:
    """Watches one stack's lease and undo records."""

    def __init__(self, system: System, clock: Clock, end: End = process_identity.end) -> None:
        state = system.target.state_folder
        self._system = system
        self._clock = clock
        self._end = end
        self._lease = LeaseFile(state, clock)
        self._journal = UndoJournal(state)
        self._said: dict[str, str] = {}

    def look(self) -> bool:
        """End a runner whose lease ran out, and undo what has no live runner; returns whether something was undone.

        Nothing is undone as long as it may be broken again: the runner is seen dead first, or else what is undone
        stays open, and is undone at every look until it is. A failed undo is told and tried again at the next look.
        """
        began = self._clock.wall()
        self._keep_in_mind()
        watched.looked(self._system.target.state_folder, began)
        lapsed = self._lease.lapsed()
        gone = self._lease.fence(self._end)
        undone = self._undo(gone)
        if lapsed is not None:
            if not lapsed.revoked:
                with contextlib.suppress(OSError):
                    self._lease.revoke(lapsed)
            self._say_once(lapsed, gone)
        return undone

    def _say_once(self, lapsed: Lease, gone: bool) -> None:
        became = "it was ended" if gone else "it could not be ended: what it may break is undone again and again"
        if self._said.get(lapsed.run_id) != became:
            self._said[lapsed.run_id] = became
            self._say(lapsed.run_id, f"lease ran out: the runner (pid {lapsed.pid}) is gone, asleep or stuck; {became}")

    def idle(self) -> bool:
        """Whether no run is live and nothing is left to undo."""
        return self._lease.live() is None and not self._journal.open()

    def _undo(self, gone: bool) -> bool:
        if self._lease.live() is not None or not self._journal.open():
            return False
        try:
            # A runner that has just started replays leftovers itself.
            done = self._journal.replay(self._system, self._clock, only=lambda _: self._lease.live() is None, note=gone)
        except UndoFailed as error:
            left = self._journal.open()
            # The failures are those of all: a sealed one among them may not be told beside another either.
            sealed = next((record for record in left if record.cover), None)
            why = f"{error}; by hand: {'; '.join(error.by_hand)}"
            said = f"{sealed.told(why)} is not undone: `make undo` says more" if sealed else why
            for record in left:
                self._say(record.run_id, f"undo failed: {said}")
            return False
        for record, proof in done:
            self._say(record.run_id, f"undone: {record.told(proof.detail)}")
        return bool(done)

    def _keep_in_mind(self) -> None:
        """Read all that an undo needs, for a disk that nobody may look at any more when it is needed."""
        for record in self._journal.open():
            saved_state.keep_in_mind(self._system.target.state_folder, record.number)
        agent.keep_in_mind(self._system)

    def _say(self, run_id: str, text: str) -> None:
        """After the deed, and wherever it can be written."""
        with contextlib.suppress(OSError):
            log.warning("watchdog", run=run_id, text=text)
        with contextlib.suppress(OSError):
            folder = self._system.target.runs_folder / run_id
            if folder.is_dir():
                with (folder / REPORT_FILE).open("a") as file:
                    file.write(f"{text}\n")


class LiveFaults(Collector):
    """`chaos_fault_active{experiment,fault,target}` is 1 while a fault's undo record is open.

    `chaos_faults_active` is how many there are, also when there is none. A sealed run's are in neither: when a fault
    came is for its players to find out.
    """

    def __init__(self, journal: UndoJournal) -> None:
        self._journal = journal

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Read the records anew at each scrape: whoever wrote them, they are the truth."""
        gauge = GaugeMetricFamily(
            "chaos_fault_active", "1 while a fault is in place", labels=["experiment", "fault", "target"]
        )
        # A series of its own says that none is: one that is not there says nothing.
        count = GaugeMetricFamily("chaos_faults_active", "Faults in place")
        live = 0
        for record in self._journal.open():
            if not isinstance(record.what, StopLoad | EndSilence) and not record.cover:
                fault = type(record.what).__struct_config__.tag
                gauge.add_metric([record.experiment_id, str(fault), record.what.aims_at() or ""], 1)
                live += 1
        count.add_metric([], live)
        yield gauge
        yield count


def main() -> None:
    """Watch until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--port", type=int, help="where to show live faults as metrics; default: nowhere")
    parser.add_argument("--also-at", metavar="ADDRESS", help="show them there as well as on loopback")
    parser.add_argument("--for-one-run", action="store_true", help="end once a run is over and nothing is left to undo")
    arguments = parser.parse_args()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    target = targets.read(arguments.target)
    postgres.keep_in_mind(target.postgres)
    redis_cluster.keep_in_mind(target.redis_nodes.values())
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if arguments.port is not None:
        registry = CollectorRegistry()
        registry.register(LiveFaults(UndoJournal(target.state_folder)))
        for address in {"127.0.0.1", arguments.also_at or "127.0.0.1"}:
            start_http_server(arguments.port, addr=address, registry=registry)
    clock = SystemClock()
    watchdog = Watchdog(System(target, control_of(target)), clock)
    with contextlib.suppress(OSError):  # nobody breaks anything then, and what is broken is put back all the same
        watched.begin(target.state_folder)
    _watch(watchdog, clock, stop, arguments.for_one_run)


def _watch(watchdog: Watchdog, clock: Clock, stop: threading.Event, for_one_run: bool) -> None:
    begins_by = clock.monotonic() + _RUN_BEGINS_WITHIN_SECONDS
    began = False
    while not stop.wait(_LOOK_EVERY_SECONDS):
        # Whatever goes wrong with one look, the next may find it better; without a watchdog nothing would be undone.
        try:
            watchdog.look()
            idle = watchdog.idle()
        except Exception:
            with contextlib.suppress(OSError):
                log.exception("watchdog", text="a look failed; the next one follows")
            continue
        began = began or not idle
        if for_one_run and idle and (began or clock.monotonic() > begins_by):
            return


if __name__ == "__main__":
    main()
