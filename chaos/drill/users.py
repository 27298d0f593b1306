"""The user side of one run: starts the load, sees that it keeps running, reads its orders back."""

from collections.abc import Callable
from datetime import timedelta

from chaos.drill.read_back import read_back, read_sessions_back
from chaos.errors import BaselineNotMet, ChaosError, FaultFailed
from chaos.facts.recorder import Recorder
from chaos.facts.sessions import SessionLedger, UserSession
from chaos.judge import window
from chaos.judge.judge import idle_victim
from chaos.judge.measures import Phase, rate_held, served_by
from chaos.load import starter
from chaos.report import words
from chaos.spec.load import LoadSettings
from chaos.spec.target import Target
from chaos.undo.stop_load import StopLoad

STARTS_WITHIN = timedelta(seconds=20)
READ_BACK_WITHIN = timedelta(seconds=30)
_READ_BACK_EACH = timedelta(milliseconds=20)
"""Of so many orders and sessions that it takes longer; some 500 are read each second."""


class Users:
    """The load of one run, as the target has it; `origin` is the run's start on the monotonic clock."""

    def __init__(self, recorder: Recorder, target: Target, settings: LoadSettings, origin: float) -> None:
        self._recorder = recorder
        self._target = target
        self._url = target.urls.users
        self._settings = settings
        self._origin = origin
        self._process: starter.LoadProcess | None = None

    def start(self, register: Callable[[StopLoad], object]) -> float:
        """Start the load, have its undo registered, and return when it will be at its rate, in run time.

        Raises BaselineNotMet when no request has left after STARTS_WITHIN.
        """
        self._process = starter.of_target(self._recorder.folder, self._target, self._settings, self._origin)
        # Its pid is only known now; should we die in between, it ends by itself after its longest duration.
        register(StopLoad(self._process.pid, self._process.started, self._process.boot))
        try:
            first = starter.await_first_request(self._process, self._recorder.folder, STARTS_WITHIN)
        except starter.LoadNotStarted as error:
            raise BaselineNotMet(str(error)) from error
        # Users arrive over one interval of theirs; the rate is nominal when the last has come.
        return first + max(self._settings.pacing.total_seconds(), self._settings.user_interval_seconds) + 1

    def assert_they_come(self, error: type[ChaosError]) -> None:
        """Raises `error` when the load has ended by itself."""
        if self._process is None or not starter.is_alive(self._process):
            raise error("the load has ended by itself; see load.log in the run's folder")

    def assert_rate(self, start: float, end: float) -> None:
        """Raises BaselineNotMet when the load did not come at its rate in this span of run time."""
        ticks = self._recorder.live.load.ticks
        held = rate_held(ticks, self._settings.rate_per_second, start, end)
        if not held:
            missing = f", and {held.missing_seconds} s without a word" if held.missing_seconds else ""
            rate = f"{held.lowest_per_second} to {held.highest_per_second} requests/s{missing}"
            raise BaselineNotMet(f"the load does not come at its rate: {rate}")

    def victim_requests(self, instance: str) -> int:
        """How many users' requests the instance answered in the baseline. Raises FaultFailed when too few."""
        recording = self._recorder.live
        answered = served_by(window.of(recording).requests(recording, Phase.BEFORE)).get(instance, 0)
        if idle := idle_victim(instance, answered):
            raise FaultFailed(words.of(idle))
        return answered

    def read_back(self, check: Callable[[], None]) -> int:
        """Read every order and session back and record what was found; returns how many.

        `check` may raise to end it early. A load without ledgers has nothing to read.
        """
        if not self._target.has_ledgers:
            return 0
        recording, count = self._recorder.live, 0
        orders, sessions = recording.orders.orders, _sessions(recording.sessions)
        for reading in read_back(orders, self._url, max(READ_BACK_WITHIN, len(orders) * _READ_BACK_EACH)):
            self._recorder.write_reading(reading)
            count += 1
            check()
        within = max(READ_BACK_WITHIN, len(sessions) * _READ_BACK_EACH)
        for session in read_sessions_back(sessions, self._url, within, origin=self._origin):
            self._recorder.write_session_reading(session)
            count += 1
            check()
        return count


def _sessions(ledger: SessionLedger | None) -> tuple[UserSession, ...]:
    return ledger.sessions if ledger is not None else ()
