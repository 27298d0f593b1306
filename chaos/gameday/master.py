"""The game's part in a round: it tells pages and injects, gives hints, has actions done, and says when it is over."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from chaos.drill.context import RunContext
from chaos.errors import ChaosError, SignalUnavailable
from chaos.facts import game
from chaos.facts.game import (
    Acknowledged,
    Acted,
    AnyGameFact,
    Asked,
    Declared,
    Declined,
    Escalated,
    HintAsked,
    HintGiven,
    InjectTold,
    Paged,
    Ready,
    RoundBegan,
    Steered,
)
from chaos.facts.pages import PageSeen
from chaos.gameday.actions import Actions
from chaos.gameday.table import Table
from chaos.judge import users_now
from chaos.spec.gameday.deck import Inject
from chaos.spec.gameday.truth import Truth

NEVER = float("inf")
_REPAIR = "repair "
_ACTS_FOR_SECONDS = 15.0
"""What goes away so soon after an action went away for that: an instance that is started needs a moment."""
_WELL_FOR_SECONDS = 2 * users_now.LOOKS_BACK_SECONDS
"""So long after the injection users have to have been looked at, before anybody can say that they are well."""
_STILL_TRIED = "a wrong guess costs time: nobody may repair for another"


@dataclass(slots=True)
class Master:
    """The game of one round; whoever waits calls `turn` a few times a second."""

    table: Table
    context: RunContext
    actions: Actions
    truth: Truth
    hints: tuple[str, ...]
    injects: tuple[Inject, ...]
    wrong_repair_costs: float
    heartbeat_receiver: str = ""
    delay: float = 0.0
    """The fault comes so many seconds after all is ready, unless the host says otherwise; inf: when he says."""
    starts_at: float = NEVER
    """When it comes, in seconds since the run's start."""
    extended: float = 0.0
    aborted_by: str = ""
    over: bool = False
    """Whether what was broken is being put back."""
    ended: tuple[str, int] | None = None
    """How and by which fact of a player the fault is over."""
    _heard: int = 0
    _pages: int = 0
    _told: int = 0
    _given: int = 0
    _injected: float | None = None
    _no_repair_until: float = 0.0
    _acting: dict[int, Future[str]] = field(default_factory=dict)
    _acted: tuple[int, float] | None = None
    """Which action was done last, and until when."""
    _hands: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "action"))

    def began(self, fact: RoundBegan) -> None:
        """The round begins."""
        game.append(self.table.file, fact)
        self._heard = 1

    def ready(self) -> None:
        """All is well, and the fault may come."""
        self.say(Ready(0, self.now))
        self.starts_at = min(self.starts_at, self.now + self.delay)

    def injected(self, at: float) -> None:
        """The fault is in place."""
        self._injected = at

    def turn(self) -> None:
        """Hear what was said, and answer."""
        self._tell_pages()
        for fact in self.table.facts[self._heard :]:
            self._heard += 1
            self._hear(fact)
        self._say_what_was_done()
        self._escalate()
        self._tell_injects()

    def lets_go(self, *, waits: bool = True) -> None:
        """What is broken is being put back: players do nothing more; what is under way ends first, if it `waits`."""
        self._hands.shutdown(wait=waits, cancel_futures=True)
        self._say_what_was_done()

    def acts(self) -> int | None:
        """The number of the action that is under way, or was done just now; None: there is none."""
        if self._acting:
            return next(iter(self._acting))
        if self._acted is not None and self.now - self._acted[1] <= _ACTS_FOR_SECONDS:
            return self._acted[0]
        return None

    @property
    def now(self) -> float:
        """Seconds since the run's start."""
        return self.context.now()

    def say(self, fact: AnyGameFact) -> AnyGameFact:
        """Have everybody at the table know it. Raises SignalUnavailable when it cannot be written."""
        try:
            return game.append(self.table.file, fact)
        except OSError as error:
            raise SignalUnavailable(f"the game's facts cannot be written: {error}") from error

    def _tell_pages(self) -> None:
        seen = self.context.recorder.live.all(PageSeen)
        for page in list(seen[self._pages :]):
            self._pages += 1
            if page.accepted and page.receiver != self.heartbeat_receiver and page.alerts:
                self.say(_as_told(page, self.now))

    def _escalate(self) -> None:
        facts = self.table.facts
        began = next(fact for fact in facts if isinstance(fact, RoundBegan))
        taken = {fact.page for fact in facts if isinstance(fact, Acknowledged | Escalated)}
        for page in [fact for fact in facts if isinstance(fact, Paged) and fact.firing and fact.number not in taken]:
            if self.now >= page.at + began.acknowledge_within_seconds:
                self.say(Escalated(0, self.now, page.number, began.fallback))

    def _tell_injects(self) -> None:
        while self._injected is not None and self._told < len(self.injects):
            inject = self.injects[self._told]
            if self.now < self._injected + inject.after.in_seconds:
                return
            self._told += 1
            if inject.text:
                within = inject.within.in_seconds if inject.within else None
                self.say(InjectTold(0, self.now, inject.from_, inject.text, within))

    def _hear(self, fact: AnyGameFact) -> None:
        match fact:
            case Asked(action=action) if action.startswith(_REPAIR):
                self._repair(fact, action)
            case Asked():
                self._do(fact)
            case HintAsked():
                self._hint()
            case Declared():
                self._declared(fact)
            case Steered():
                self._steered(fact)

    def _hint(self) -> None:
        text = "There are no more hints."
        if self._too_early:
            text = "It is too early for a hint; this one costs nothing."
        elif self._given < len(self.hints):
            text = self.hints[self._given]
            self._given += 1
        self.say(HintGiven(0, self.now, self._given, text))

    @property
    def _too_early(self) -> bool:
        """The same before the fault and just after it, so that it does not tell when that was."""
        return self._injected is None or self.now < self._injected + _WELL_FOR_SECONDS

    def _do(self, asked: Asked) -> None:
        refused = self._refused(asked.action)
        if refused:
            self.say(Acted(0, self.now, asked.number, False, refused))
        else:
            self._acting[asked.number] = self._hands.submit(self.actions.do, asked.action)

    def _refused(self, action: str) -> str:
        if self.over:
            return "what was broken is being put back"
        beats = {one.name for page in self.context.recorder.live.all(PageSeen) for one in page.alerts
                 if page.receiver == self.heartbeat_receiver}  # fmt: skip
        if (words := action.split())[0] == "silence" and words[1] in beats:
            return f"{words[1]} says that pages arrive at all, and is not silenced"
        return ""

    def _repair(self, asked: Asked, action: str) -> None:
        if (left := self._no_repair_until - self.now) > 0:
            self.say(Acted(0, self.now, asked.number, False, f"{_STILL_TRIED} {left:.0f} s"))
            return
        component, _, family = action.removeprefix(_REPAIR).rpartition(" ")
        if self._injected is not None and self.truth.is_right(component, family):
            self.say(Acted(0, self.now, asked.number, True, f"{component} is being put right"))
            self.ended = self.ended or ("repaired", asked.number)
            return
        self._no_repair_until = self.now + self.wrong_repair_costs
        detail = f"nothing is wrong with {component} in that way; {_STILL_TRIED} {self.wrong_repair_costs:.0f} s"
        self.say(Acted(0, self.now, asked.number, False, detail))

    def _say_what_was_done(self) -> None:
        for number, future in [(number, one) for number, one in self._acting.items() if one.done()]:
            del self._acting[number]
            done, detail = _result(future)
            self._acted = (number, self.now)
            self.say(Acted(0, self.now, number, done, detail))

    def _declared(self, fact: Declared) -> None:
        why = users_now.hurt(self.context.recorder.live, self.now)
        if why:
            self.say(Declined(0, self.now, fact.number, f"users still feel it: {'; '.join(why)}"))
        elif self._too_early:
            self.say(Declined(0, self.now, fact.number, "it is too early to say"))
        else:
            self.ended = self.ended or ("resolved", fact.number)

    def _steered(self, fact: Steered) -> None:
        match fact.how:
            case "start":
                self.starts_at = min(self.starts_at, self.now)
            case "delay" if self._injected is None:
                self.delay += fact.seconds
                self.starts_at += fact.seconds
            case "extend":
                self.extended += fact.seconds
            case "abort":
                self.aborted_by = fact.who


def _result(future: Future[str]) -> tuple[bool, str]:
    if future.cancelled():
        return False, "it was too late for it"
    try:
        return True, future.result()
    except ChaosError as error:
        return False, str(error)
    except Exception as error:  # whatever an action meets, the round goes on, and its undo too
        return False, f"{type(error).__name__}: {error}"


def _as_told(page: PageSeen, now: float) -> Paged:
    first = next((alert for alert in page.alerts if alert.status == "firing"), page.alerts[0])
    told = [
        f"{one.name}{{{', '.join(f'{k}={v}' for k, v in sorted(_own(one.labels).items()))}}}" for one in page.alerts
    ]
    summary = first.annotations.get("summary", "")
    runbook = first.annotations.get("runbook_url", "")
    firing = any(alert.status == "firing" for alert in page.alerts)
    return Paged(0, now, page.receiver, firing, told, summary, runbook, page.at)


def _own(labels: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != "alertname"}
