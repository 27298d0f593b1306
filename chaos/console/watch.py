"""Asks Prometheus and Alertmanager about a live run's alerts, and keeps what they said last."""

import httpx

from chaos.console.lanes import NOTHING, Told
from chaos.console.sources import Sources
from chaos.errors import SignalUnavailable
from chaos.facts.alerts import TakenAlert
from chaos.observe.alertmanager import Alertmanager
from chaos.observe.prometheus import Prometheus


class Watch:
    """Of one run, which began at Unix time `wall`. One thread asks; whoever wants to reads `told`."""

    def __init__(self, sources: Sources, wall: float, transport: httpx.BaseTransport | None = None) -> None:
        self.sources = sources
        self.told = NOTHING
        self._prometheus = Prometheus(sources.prometheus, wall, transport) if sources.prometheus else None
        self._alertmanager = Alertmanager(sources.alertmanager, transport) if sources.alertmanager else None
        self._step = 0.0
        self._taken: list[TakenAlert] = []

    def look(self, now: float) -> None:
        """Ask once, so many seconds after the run's start. Takes some seconds where nobody answers; never raises."""
        histories, silent = self.told.histories, ""
        if self._prometheus is not None:
            try:
                self._step = self._step or self._interval(self._prometheus)
                histories = self._prometheus.alert_histories(now)
            # What is no answer of Prometheus's is none at all.
            except (SignalUnavailable, AttributeError, KeyError, TypeError, ValueError):
                silent = "Prometheus does not answer: which alerts are pending or firing is as old as its last answer"
        self.told = Told(histories, self._held_back(now), self._step or 1.0, silent)

    @staticmethod
    def _interval(prometheus: Prometheus) -> float:
        return max((rule.interval_seconds for rule in prometheus.rules_loaded() if not rule.records), default=1.0)

    def _held_back(self, now: float) -> list[TakenAlert]:
        if self._alertmanager is None:
            return []
        try:
            seen = self._alertmanager.look(now)
        except (AttributeError, KeyError, TypeError, ValueError):
            return []
        if seen.error is not None:
            self._taken = []
        elif seen.alerts is not None:
            self._taken = seen.alerts
        return self._taken
