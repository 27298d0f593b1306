"""One run: the phases in their order, and the only place that orders effects.

Whatever happens, what the run changed is put back, unless the lease is lost: then the watchdog does it.
"""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from chaos.control import port
from chaos.drill import endings, preflight
from chaos.drill.abort import Abort
from chaos.drill.attack import Attack
from chaos.drill.clean_past import CleanPast
from chaos.drill.collect import collect
from chaos.drill.context import LOOK_EVERY_SECONDS, RunContext
from chaos.drill.plan import Plan, started
from chaos.drill.users import Users
from chaos.errors import BaselineNotMet, ChaosError, SignalUnavailable, UndoFailed
from chaos.facts.recorder import Recorder
from chaos.facts.run import Aborted, PhaseBegan
from chaos.faults.hands import System
from chaos.judge import checks, outlook, window
from chaos.judge.measures import Phase
from chaos.machine.clock import Clock
from chaos.observe.observers import Observers
from chaos.report import durations, words
from chaos.spec import length
from chaos.spec.load import LoadSettings
from chaos.spec.target import Target
from chaos.undo.lease import Heartbeat, LeaseFile
from chaos.verdict.verdict import Ending

_ASKS_EVERY_BEATS = 0.25
"""So often Prometheus is asked whether the steady state is back."""
_ASKS_EVERY_SHARE = 0.01
"""Of what has passed since the undo."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a run is made of; a test has others, on a clock of its own."""

    users: Callable[[Recorder, Target, LoadSettings, float], Users] = Users
    observers: Callable[[System, Recorder, float, float, float], Observers] = Observers
    past: Callable[[Target, Clock], CleanPast] = CleanPast
    heartbeat: Callable[[LeaseFile, str], AbstractContextManager[object]] = Heartbeat


class Drill:
    """One run of one experiment against one system."""

    def __init__(self, plan: Plan, context: RunContext, parts: Parts = Parts()) -> None:  # a value
        self._plan = plan
        self._experiment, self._pace = plan.experiment, plan.pace
        self._context = context
        self._parts = parts
        self._system = context.system
        self._observers = parts.observers(
            context.system, context.recorder, context.origin, context.wall, context.boottime
        )
        self._users = parts.users(context.recorder, context.system.target, plan.load, context.origin)
        self._attack = Attack(plan.experiment, context, plan.pace.look)
        target = context.system.target
        self._abort = Abort.of(plan.experiment, target, lambda: context.recorder.live, self._observers.prometheus)
        self._aborted = ""
        self._past = parts.past(target, context.clock)
        self._rules: frozenset[str] = frozenset()  # that Prometheus evaluated before the past was cleaned
        self._began = 0.0

    def run(self) -> None:
        """Run to the end; how it ended is the recording's last fact.

        Raises RunInProgress when another run holds the lease; nothing was touched then.
        """
        try:
            self._context.lease.acquire(self._plan.run_id, self._plan.longest_seconds)
            with self._parts.heartbeat(self._context.lease, self._plan.run_id):
                self._run_to_an_end()
        finally:
            self._context.lease.release(self._plan.run_id)
            self._context.recorder.close()

    def _run_to_an_end(self) -> None:
        # Until the last phase is done, whatever ends the run is not its completion: a defect of ours included.
        ending, detail, by_hand = Ending.DATA_MISSING, "the runner failed", []
        self._context.write(started(self._plan, self._context, self._victims()))
        try:
            self._phases()
            ending, detail = (Ending.ABORTED, self._aborted) if self._aborted else (Ending.COMPLETED, "")
        except ChaosError as error:
            ending, detail = endings.of(error), str(error)
            by_hand = error.by_hand if isinstance(error, UndoFailed) else []
        finally:
            try:
                # Also without the lease: nothing speaks against an undo, which the watchdog may do as well.
                self._put_back()
            except UndoFailed as error:
                ending, detail, by_hand = Ending.UNDO_FAILED, str(error), error.by_hand
            self._observers.stop()
            with contextlib.suppress(SignalUnavailable):  # it was said when it could not be written for the first time
                self._context.recorder.end(self._context.now(), ending.value, detail, by_hand)
            self._context.progress.done(f"{ending.value}: {detail}" if detail else "")

    def _phases(self) -> None:
        self._preflight()
        self._warm_up()
        self._baseline()
        self._inject()
        self._hold()
        self._undo()
        self._recover()
        self._collect()

    def _preflight(self) -> None:
        self._begin("preflight")
        for record, proof in self._context.journal.replay(self._system, self._context.clock):
            self._context.progress.note(f"left by run {record.run_id}: {record.told(proof.detail)}")
        context = self._context
        preflight.stack_is_well(self._system, context.clock, context.wait_for, context.assert_watched)
        if self._system.target.alerting is not None:
            self._rules = preflight.clean_past(
                self._past,
                self._observers.prometheus,
                self._context.clock,
                self._context.wait_for,
                self._context.act,
                self._pace,
            )
        self._observers.begin()
        self._context.progress.done("stack well")

    def _warm_up(self) -> None:
        self._begin("warm-up")
        at_rate = self._users.start(self._context.register)
        while self._context.now() < at_rate:
            self._context.wait_for("for the load to be at its rate")
            self._users.assert_they_come(BaselineNotMet)
        if self._system.target.alerting is not None:
            prometheus, context = self._observers.prometheus, self._context
            preflight.all_scraped(prometheus, context.clock, context.wait_for, self._pace)
            preflight.rules_are_back(prometheus, context.clock, context.wait_for, self._rules, self._pace)
        self._context.progress.done("users come")

    def _baseline(self) -> None:
        watched = self._pace.baseline_seconds
        for again in reversed(range(length.BASELINES)):
            self._begin_baseline()
            firing = self._calm() if self._system.target.alerting is not None else "not looked at"
            while self._context.now() < self._began + watched:
                self._context.wait_for(f"until the steady state was watched for {durations.spoken(watched)}")
                self._attack.watch()
                self._users.assert_they_come(BaselineNotMet)
            try:
                self._users.assert_rate(self._began, self._context.now())
                break
            except BaselineNotMet as stumbled:
                if not again:
                    raise
                self._context.progress.done(f"begun anew: {stumbled}")
        self._assert_steady()
        self._context.progress.done(f"steady state holds; firing before: {firing}")

    def _calm(self) -> str:
        prometheus, context, alerting = self._observers.prometheus, self._context, self._system.target.alerting
        concern = preflight.Concern(self._experiment, alerting.only if alerting else {})
        firing, left = preflight.calm_from_here(
            concern, prometheus, context.clock, context.wait_for, self._rules, self._pace
        )
        if left:
            self._context.progress.done(f"begun anew, for something was left of before: {', '.join(left)}")
            self._begin_baseline()
        return firing

    def _begin_baseline(self) -> None:
        if self._system.target.alerting is not None:
            # What fires now is not the fault's, also if it began after the last of the looks that come every second.
            self._context.write(self._observers.prometheus.look(self._context.now()))
        self._begin("baseline")
        self._attack.watch()

    def _assert_steady(self) -> None:
        self._observers.ask_history(self._experiment, 0.0, self._context.now())
        recording = self._context.recorder.live
        if noisy := outlook.active(recording):
            raise BaselineNotMet(f"already firing or pending before the fault: {', '.join(noisy)}")
        results = checks.judge(recording, window.of(recording, self._context.now()))
        if wrong := [one for one in results if one.phase == Phase.BEFORE.value and not one.holds]:
            raise BaselineNotMet("; ".join(words.of_check(one) for one in wrong))

    def _inject(self) -> None:
        self._before_the_blow()
        self._begin("inject")
        manager = self._system.control
        requests = {one: self._users.victim_requests(port.name_in_answers(manager, one)) for one in self._victims()}
        self._attack.check()
        self._context.progress.done(self._attack.begin(requests))

    def _hold(self) -> None:
        self._begin("hold")
        while self._context.now() < self._attack.until:
            self._context.wait_for(f"{durations.spoken(round(self._attack.until - self._context.now()))} to go")
            self._context.act()
            self._users.assert_they_come(SignalUnavailable)
            self._go_on()
            self._context.recorder.live.keep_up()
            if self._is_cut_short():
                break
        held = self._experiment.describe_faults()
        self._context.progress.done(f"ABORTED: {self._aborted}" if self._aborted else held)

    def _before_the_blow(self) -> None:
        """All is ready. A game day's round waits here until its time has come."""

    def _go_on(self) -> None:
        """Hold on to the faults. Raises FaultFailed when one went away."""
        self._attack.go_on()

    def _is_cut_short(self) -> bool:
        """Whether the hold ends now, before its time."""
        if why := self._abort.met(self._context.now()):
            self._cut_short(why)
        return bool(self._aborted)

    def _cut_short(self, why: str) -> None:
        self._aborted = why
        self._context.write(Aborted(self._context.now(), why))

    def _undo(self) -> None:
        self._begin("undo")
        self._context.progress.done(self._attack.end())

    def _recover(self) -> None:
        self._begin("recover")
        undone = window.of(self._context.recorder.live).undone or 0.0
        deadline = self._context.now() + length.recovery(self._experiment, self._pace)
        while waits := self._not_over(undone, deadline):
            # Each answer is longer than the one before, and costs more: the later, the less often it is asked for.
            lasted = self._context.now() - undone
            pause = max(self._pace.seconds(_ASKS_EVERY_BEATS), _ASKS_EVERY_SHARE * lasted)
            for _ in range(max(1, round(pause / LOOK_EVERY_SECONDS))):
                self._context.wait_for(f"for {waits}")
                self._context.act()
        self._context.progress.done("")

    def _not_over(self, undone: float, deadline: float) -> str:
        """What has to be seen yet, or may still be, in words; empty when the run may end."""
        self._context.act()
        self._observers.ask_history(self._experiment, undone, self._context.now())
        recording = self._context.recorder.live
        spans = window.of(recording, self._context.now())
        unresolved, owed = outlook.unresolved(recording, spans), outlook.owed(recording, spans)
        if self._context.now() >= deadline:
            # What a rule that waits for hours may still do is for no run to await; it is judged as pending.
            late = self._context.now() >= deadline + self._pace.owed_seconds + self._pace.look
            return "" if late else ", ".join(owed)
        steady = checks.recovered_at(recording, spans) is not None
        return ", ".join(unresolved or owed) or ("" if steady else "the steady state")

    def _collect(self) -> None:
        self._begin("collect")
        read_back = collect(self._plan, self._context, self._observers, self._users, self._clean_ahead)
        self._context.progress.done(f"{read_back} orders and sessions read back")

    def _clean_ahead(self) -> None:
        # Who ended it may want to look at what Prometheus has.
        if self._plan.another_follows and self._rules and not self._context.interrupts.arrived:
            self._past.make_ahead(self._rules)

    def _put_back(self) -> None:
        """Undo whatever of this run is still open; a second Ctrl-C skips waiting for proofs, never the undo."""
        if not any(self._context.owns(record) for record in self._context.journal.open()):
            return
        self._context.progress.phase("put back")
        done = self._context.journal.replay(
            self._system,
            self._context.clock,
            only=self._context.owns,
            patience=lambda: not self._context.interrupts.in_a_hurry,
        )
        unproven = "" if all(proof.holds for _, proof in done) else "; not waited for, the watchdog proves it"
        self._context.progress.done("; ".join(proof.detail for _, proof in done) + unproven)

    def _victims(self) -> list[str]:
        """The instances that a fault names and whose share of users' requests must not be nothing."""
        named = dict.fromkeys(name for fault in self._experiment.faults for name in fault.instances())
        return [name for name in named if self._system.target.instances[name].serves_users]

    def _begin(self, phase: str) -> None:
        self._context.act()
        self._context.progress.phase(phase)
        self._began = self._context.now()
        self._context.write(PhaseBegan(self._began, phase))
