"""All witnesses of one run together: what is watched all the time, and what is asked at the end."""

import math
import time
from collections.abc import Collection, Iterable
from pathlib import Path

from chaos.errors import BaselineNotMet, SignalUnavailable
from chaos.facts.alerts import HistoryAsked, RuleSeen, SelectorSeen
from chaos.facts.any_fact import AnyFact
from chaos.facts.metrics import QueryHistory
from chaos.facts.panels import PanelsAsked
from chaos.facts.recorder import Recorder
from chaos.facts.traces import TracesSeen
from chaos.faults.hands import System
from chaos.judge import inputs, silenced
from chaos.judge.measures import Phase
from chaos.judge.window import Window
from chaos.machine.built_beside import in_the_making
from chaos.observe import machine, replicas
from chaos.observe.alertmanager import Alertmanager
from chaos.observe.jaeger import Jaeger
from chaos.observe.pager import Pager
from chaos.observe.panels import PanelSource
from chaos.observe.poller import Poll, Poller
from chaos.observe.processes import Processes
from chaos.observe.prometheus import Prometheus
from chaos.observe.timing import rules_loaded
from chaos.spec import routing, substitute
from chaos.spec.experiment import Experiment
from chaos.spec.faults.table import AnyFault
from chaos.spec.pace import MOST_LOOKS
from chaos.spec.panel import Panel
from chaos.spec.target import Target

_ASKED_AGAIN = 3
"""How often a question is asked whose answer does not come in time."""


class Observers:
    """The sources of evidence of one run."""

    def __init__(self, system: System, recorder: Recorder, origin: float, wall: float, boottime: float) -> None:
        self._target = system.target
        self._origin = origin
        self._recorder = recorder
        self._pace = recorder.live.pace
        self._wall = wall
        self.prometheus = Prometheus(system.target.urls.prometheus, wall)
        self._pager = Pager(system.target.urls.pager, wall, boottime)
        self._processes = Processes(system.control)
        self._alertmanager = Alertmanager(system.target.urls.alertmanager)
        of_alerts = (self._look_at_prometheus, self._look_at_alertmanager, self._pager.look)
        polls: tuple[Poll, ...] = of_alerts if self._target.alerting is not None else ()
        self._poller = Poller(recorder, origin, self._pace.look, (*polls, self._look_at_processes, machine.look))

    def begin(self) -> None:
        """Note the rules that run, and watch from now on. Raises BaselineNotMet when a source gives no answer."""
        # Now, so that it is known of a run that ends early as well.
        if what := in_the_making(self._target):
            self._recorder.write(TracesSeen(self._now(), None, in_the_making=what))
        if self._target.alerting is not None:
            self._skip_what_was_delivered()
            self.compare_clocks()
            self._note_rules(self._target.alerting.all_receivers)
            self._recorder.write(self.prometheus.alerts_sent())
            self._compare_replicas()
            self._assert_not_silenced()
            self._count_notifications(0.0)
        self._poller.start()

    def _assert_not_silenced(self) -> None:
        """Minutes of outage would end with an alert that nobody was told of: a forgotten silence is known before."""
        try:
            silences = self._alertmanager.silences()
        except SignalUnavailable as error:
            raise BaselineNotMet(str(error)) from error
        experiment = self._recorder.live.experiment
        if said := silenced.listed(experiment.alerts, silences, self._recorder.live.all(RuleSeen)):
            raise BaselineNotMet("; ".join(said))

    def _compare_replicas(self) -> None:
        urls = self._target.urls
        for seen in (replicas.of_prometheus(urls.prometheus), replicas.of_alertmanager(urls.alertmanager)):
            if seen is not None:
                self._recorder.write(seen)

    def compare_clocks(self) -> None:
        """Record how far the clocks of those who tell of alerts are from ours; nothing without alerting."""
        if self._target.alerting is not None:
            self._recorder.write(self.prometheus.compare_clock(self._now))
            self._pager.set_prometheus_zero(self.prometheus.zero)
            self._recorder.write(self._alertmanager.compare_clock(self._now, self._wall))
            self._recorder.write(self._pager.compare_clock(self._now))

    def _now(self) -> float:
        return time.monotonic() - self._origin

    def _skip_what_was_delivered(self) -> None:
        try:
            self._pager.skip_to_now()
        except SignalUnavailable as error:
            raise BaselineNotMet(str(error)) from error

    def _note_rules(self, receivers: Collection[str]) -> None:
        try:
            scrapes = self.prometheus.scrape_intervals()
            seen = self.prometheus.rules_loaded()
        except SignalUnavailable as error:
            raise BaselineNotMet(str(error)) from error
        for one in seen:
            self._recorder.write(one)
        configured = self._alertmanager.configured()
        if configured.error is not None:
            raise BaselineNotMet(configured.error)
        self._recorder.write(configured)
        try:
            routes = routing.read(configured.config)
        except ValueError:
            return  # it is in the recording, and the judge says so
        manifest = Path(self._target.timing) if self._target.timing else None
        for rule in rules_loaded(seen, scrapes, routes, receivers, manifest):
            self._recorder.write(rule)

    def _count_notifications(self, at: float) -> None:
        if self._target.alerting is not None and self._target.alerting.stands_for:
            self._recorder.write(self._alertmanager.counted(at))

    def stop(self) -> None:
        """Poll a last time and end; safe to repeat."""
        self._poller.stop()

    def ask_alerts(self, now: float) -> None:
        """Record what Prometheus stored of every alert, or that it gave no answer; nothing without alerting."""
        if self._target.alerting is None:
            return
        try:
            for history in self.prometheus.alert_histories(now):
                self._recorder.write(history)
            self._recorder.write(HistoryAsked(now, None))
        except SignalUnavailable as error:
            self._recorder.write(HistoryAsked(now, str(error)))
        self._count_notifications(now)
        for selector in inputs.selectors(self._recorder.live.all(RuleSeen)):
            self._recorder.write(self._selector_history(selector, now))

    def _selector_history(self, selector: str, now: float) -> SelectorSeen:
        # At a run's end Prometheus is asked for much at once: one time-out more or less must decide nothing.
        for _ in range(_ASKED_AGAIN):
            if (seen := self.prometheus.selector_history(selector, now)).error is None:
                break
        return seen

    def ask_history(self, experiment: Experiment, since: float, now: float) -> None:
        """Record the answers to the experiment's PromQL checks between two moments; nothing where there are none."""
        step = float(max(1, math.ceil((now - since) / MOST_LOOKS)))
        for check in experiment.steady_state:
            if not check.from_load:
                try:
                    self._recorder.write(self.prometheus.query_history(check.query, since, now, step))
                except SignalUnavailable as error:
                    self._recorder.write(QueryHistory(now, check.query, [], str(error)))

    def ask_panels(self, panels: Iterable[Panel], fault: AnyFault, now: float) -> None:
        """Record what every panel showed over the run; nothing where the stack has no dashboards."""
        if self._target.dashboards is None:
            return
        scrape = self._target.dashboards.scrape_interval
        source = PanelSource(self._target.urls.prometheus, scrape)
        for history in source.histories(panels, self._wall, now):
            self._recorder.write(history)
        source.close()
        window = substitute.rate_interval(scrape, scrape)
        self._recorder.write(PanelsAsked(now, _as_panels_name_it(fault, self._target), window.total_seconds()))

    def ask_traces(self, run: Window, now: float) -> None:
        """Record some traces of the run; nothing where the stack has no trace store or users never came."""
        phases = [bounds for phase in Phase if (bounds := run.bounds(phase)) is not None]
        if self._target.urls.jaeger and phases:
            jaeger = Jaeger(self._target.urls.jaeger, self._wall, pages=self._target.urls.jaeger_ui)
            self._recorder.write(jaeger.look(now, phases))
            jaeger.close()

    def _look_at_prometheus(self, at: float) -> Iterable[AnyFact]:
        yield self.prometheus.look(at)

    def _look_at_alertmanager(self, at: float) -> Iterable[AnyFact]:
        yield self._alertmanager.look(at)

    def _look_at_processes(self, at: float) -> Iterable[AnyFact]:
        fact = self._processes.look(at)
        if fact is not None:
            yield fact


def _as_panels_name_it(fault: AnyFault, target: Target) -> str:
    kind, aim = str(type(fault).__struct_config__.tag), fault.aims_at()
    if aim is None:
        return kind
    # Every instance of a role has the same panels.
    return f"{kind} {target.instances[aim].role if aim in target.instances else aim}"
