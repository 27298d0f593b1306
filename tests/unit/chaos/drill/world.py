"""A world on a clock of its own: what goes on beside a runner, once a second, for as long as it waits."""

import json
import math

from chaos.drill.users import Users
from chaos.facts.alerts import (
    ActiveAlert,
    AlertHistory,
    AlertmanagerSeen,
    HistoryAsked,
    PrometheusSeen,
    RuleLoaded,
    Timing,
)
from chaos.facts.files import LOAD_FILE
from chaos.facts.pages import PageAlert, PagerSeen, PageSeen
from chaos.facts.run import PhaseBegan
from tests.fakes import FakeClock, FakeControl

LABELS = {"instance": "shop-2", "severity": "warning"}
OLD = ActiveAlert("Old", {}, "firing", 1.0)


class World(FakeClock):
    """What goes on beside the runner: once a second users ask, Prometheus looks, and the pager may be told."""

    def watched(self):
        """Somebody watches."""

    def __init__(self):
        super().__init__()
        self.control = FakeControl()
        self.each_second = []
        self.alerting = True
        self.hurts = lambda: False
        """Whether every fifth request of users fails in this second."""
        self.stumbles = 0
        self.lingers_until = 0.0
        """Until then an alert of before fires, which the looks of every second see only a moment later."""
        self.pends_from = math.inf
        """From then on an alert is pending whose rule waits for a day."""
        self._down = []
        self.pages = []

    def wait(self, seconds):
        until = self.now + seconds
        while int(self.now) + 1 <= until:
            self.now = float(int(self.now) + 1)
            self._pass()
        self.now = until

    def _pass(self):
        if not self.control.running["shop-2"]:
            self._down.append(self.now)
        for act in list(self.each_second):
            act(self.now)

    @property
    def firing(self):
        """Down for two seconds, and for as long as it is."""
        return bool(self._down) and self.now - self._down[0] >= 2 and self.now - self._down[-1] < 1

    @property
    def broke(self):
        """Whether anything ever was."""
        return bool(self._down)

    @property
    def down_since(self):
        return self._down[0]


class FakePrometheus:
    def __init__(self, world):
        self._world = world

    def look(self, at):
        lingering = [OLD] if self._world.now < self._world.lingers_until else []
        return PrometheusSeen(at, None, lingering, ["Down"])

    def unscraped_since(self, _):
        return []

    def unevaluated_since(self, _):
        return []


class FakeObservers:
    """All sources as one, polled by the clock."""

    def __init__(self, world, recorder_, origin):
        self.prometheus = FakePrometheus(world)
        self._world, self._recorder, self._origin = world, recorder_, origin
        self._fired = []
        self._told = False

    def begin(self):
        for name, held in (("Down", 1.0), ("Patient", 86_400.0)):
            self._recorder.write(RuleLoaded(self._now(), name, "pager", Timing(1.0, 1.0, 0.0, held, 0.5, 5.0), None))
        self._world.each_second.append(self._poll)

    def stop(self):
        if self._poll in self._world.each_second:
            self._world.each_second.remove(self._poll)
            self._poll(self._world.now)
            self._recorder.write(PagerSeen(self._now(), None))

    def compare_clocks(self):
        """They are one."""

    def ask_alerts(self, now):
        if self._fired:
            self._recorder.write(AlertHistory(now, "Down", LABELS, "firing", self._fired))
        self._recorder.write(HistoryAsked(now, None))

    def ask_history(self, experiment, since, now):
        assert not [check for check in experiment.steady_state if not check.from_load]
        assert 0.0 <= since <= now

    def ask_panels(self, panels, fault, now):
        assert panels == ()

    def ask_traces(self, run, now):
        assert run.undone is not None

    def _poll(self, _):
        at, firing = self._now(), self._world.firing and self._world.alerting
        active = [ActiveAlert("Down", LABELS, "firing", self._world.down_since - self._origin)] if firing else []
        if self._world.now >= self._world.pends_from:
            active.append(ActiveAlert("Patient", {}, "pending", self._world.pends_from - self._origin))
        if self._began() <= at < self._world.lingers_until - self._origin:
            active.append(OLD)
        self._recorder.write(PrometheusSeen(at, None, active, ["Down"]))
        self._recorder.write(AlertmanagerSeen(at, None, []))
        if firing:
            self._fired.append(at)
        if firing != self._told:
            self._told = firing
            told = [PageAlert("Down", LABELS, "firing" if firing else "resolved", at)]
            self._recorder.write(PageSeen(at, "pager", True, "", told))

    def _began(self):
        return next((fact.at for fact in self._recorder.live.all(PhaseBegan) if fact.phase == "baseline"), math.inf)

    def _now(self):
        return self._world.now - self._origin


class FakeUsers(Users):
    """As many requests a second as the load has, written down as they are over."""

    def __init__(self, world, *given):
        super().__init__(*given)
        self._world = world

    def start(self, register):
        self._world.each_second.append(self._second)
        return self._world.now - self._origin + 3.5

    def assert_they_come(self, error):
        """They do."""

    def read_back(self, check):
        self._world.each_second.remove(self._second)
        self._write({"end": "SIGTERM"})
        return 0

    def _second(self, now):
        rate, end = self._settings.rate_per_second, now - self._origin
        if end > 5 and self._world.stumbles:
            self._world.stumbles -= 1
            return
        hurt = self._world.hurts()
        good = {"took": 0.005, "name": "GET /", "status": 200, "ok": True, "error": None}
        bad = good | {"status": 503, "ok": False, "error": "HTTP 503"}
        # Of fewer than one a second some seconds have none.
        due = range(math.floor((end - 1) * rate), math.floor(end * rate))
        counted = {"tick": end, "users": 125, "started": len(due), "finished": len(due), "lag": 0.0}
        answered = [
            (bad if hurt and number % 5 == 0 else good)
            | {"at": end - 1 + place / max(rate, 1), "served_by": f"shop-{number % 2 + 1}"}
            for place, number in enumerate(due)
        ]
        self._write(*answered, counted)

    def _write(self, *facts):
        with (self._recorder.folder / LOAD_FILE).open("a") as file:
            file.writelines(json.dumps(fact) + "\n" for fact in facts)
