"""Looks, while a fault is held, whether a condition is met under which it has to end."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from chaos.errors import SignalUnavailable
from chaos.facts.recording import Facts
from chaos.judge import checks, measures, users_now
from chaos.judge.users_now import LOOKS_BACK_SECONDS
from chaos.observe.prometheus import Prometheus
from chaos.report import result_words
from chaos.spec import abort
from chaos.spec.abort import AbortIf
from chaos.spec.experiment import Experiment
from chaos.spec.load import FEWEST_REQUESTS
from chaos.spec.target import Target

_EVERY_SECONDS = 1.0


@dataclass(slots=True)
class Abort:
    """The conditions of one run."""

    conditions: tuple[AbortIf, ...]
    load: Callable[[], Facts]
    prometheus: Prometheus | None
    looks_back: float = LOOKS_BACK_SECONDS
    """Seconds over which the rate of users' requests is taken: longer where they come rarely."""
    _since: dict[AbortIf, float] = field(default_factory=dict)
    _due: float = 0.0

    @classmethod
    def of(cls, experiment: Experiment, target: Target, load: Callable[[], Facts], prometheus: Prometheus) -> "Abort":
        """What the experiment says, else the target; a stack that is not ours has a usual one."""
        during = [check.during for check in experiment.steady_state if check.query == abort.FAILED and check.during]
        usually = () if target.has_ledgers else abort.usual(during)
        there = prometheus if target.urls.prometheus else None
        looks_back = max(LOOKS_BACK_SECONDS, FEWEST_REQUESTS / target.load.settings().rate_per_second)
        return cls(abort.of((experiment.abort_if, target.abort_if), usually), load, there, looks_back)

    def met(self, now: float) -> str:
        """Which condition has been met for its whole time, in words; empty when none has. Asked once a second."""
        if now < self._due:
            return ""
        self._due = now + _EVERY_SECONDS
        for one in self.conditions:
            value = self._measure(one, now)
            if value is None or not one.bound.holds(value):
                # What nobody can tell is no reason to go on for ever, nor to end: it begins anew.
                self._since.pop(one, None)
            elif now - self._since.setdefault(one, now) >= one.for_.in_seconds:
                return f"{one} (it was {value:.4g}{self._often(one, now)})"
        return ""

    def _often(self, one: AbortIf, now: float) -> str:
        seen = users_now.latest_requests(self.load(), now) if one.query.startswith("load:") else []
        frequent = measures.most_frequent(seen)
        return f"; {result_words.of_error(frequent)}" if frequent else ""

    def _measure(self, one: AbortIf, now: float) -> float | None:
        if one.query.startswith("load:"):
            return self._users_saw(one.query, now)
        if self.prometheus is None:
            return None
        try:
            history = self.prometheus.query_history(one.query, now - _EVERY_SECONDS, now, _EVERY_SECONDS)
        except SignalUnavailable:
            return None
        return last(value for _, value in history.samples)

    def _users_saw(self, query: str, now: float) -> float | None:
        """Of the last seconds, and as many requests as say something; None where there were never so many."""
        seen = users_now.latest_requests(self.load(), now)
        if query == "load:requests:rate":
            return len([request for request in seen if request.ended_at >= now - self.looks_back]) / self.looks_back
        return checks.load_metric(query, seen, 1.0) if len(seen) >= checks.FEWEST_REQUESTS else None


def last(values: Iterable[float | None]) -> float | None:
    """The last that is there."""
    return next((value for value in reversed(list(values)) if value is not None), None)
