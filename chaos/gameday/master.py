"""The game's part in a round: it tells pages and injects, gives hints, has actions done, and says when it is over."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from chaos.drill.context import RunContext
from chaos.errors import ChaosError, GameRefused, SignalUnavailable, UndoFailed
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
from chaos.gameday.actions import SILENCE, Actions
from chaos.gameday.table import Table
from chaos.gameday.told import as_told
from chaos.gameday.wellness import Wellness
from chaos.spec.gameday.deck import Inject

NEVER = float("inf")
_REPAIR = "repair "
_ACTS_FOR_SECONDS = 15.0
"""What goes away so soon after an action went away for that: an instance that is started needs a moment."""
_HINTS_AFTER_SECONDS = 10.0
_OVER_AFTER_SECONDS = 10.0
"""From the injection, at the fastest pace: before that, nothing that is over could have been noticed."""
_OVER_AFTER_SHARE = 0.25
"""Of the round's limit: later than that it is not too early, however slow the pace."""
_STILL_TRIED = "a wrong guess costs time: nobody may try that again for another"


@dataclass(slots=True)
class Master:
    """The game of one round; whoever waits calls `turn` a few times a second."""

    table: Table
    context: RunContext
    actions: Actions
    hints: tuple[str, ...]
    injects: tuple[Inject, ...]
    wrong_repair_costs: float
    heartbeat_receiver: str = ""
    repair: Callable[[str, str, int], bool] = lambda *_: False
    """Puts back what is in place and is called so, by component, kind and the fact's number; whether there is such."""
    delay: float = 0.0
    """The fault comes so many seconds after all is ready, unless the host says otherwise; inf: when he says."""
    starts_at: float = NEVER
    """When it comes, in seconds since the run's start."""
    extended: float = 0.0
    aborted_by: int | None = None
    """Which fact says that the round is to end at once."""
    abort_taken: bool = False
    """Whether the hold was ended for it."""
    over: bool = False
    """Whether what was broken is being put back."""
    declared: int | None = None
    """Which fact says that it is over, and is right."""
    wellness: Wellness = field(init=False)
    _heard: int = 0
    _pages: int = 0
    _told: int = 0
    _given: int = 0
    _ready: bool = False
    _injected: float | None = None
    _no_guess_until: float = 0.0
    _acting: dict[int, Future[str]] = field(default_factory=dict)
    _acted: tuple[int, float] | None = None
    """Which action was done last, and until when."""
    _hands: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "action"))

    def __post_init__(self) -> None:
        self.wellness = Wellness(self.context, self.heartbeat_receiver)

    def began(self, fact: RoundBegan) -> None:
        """The round begins."""
        game.append(self.table.file, fact)
        self._heard = 1

    def ready(self) -> None:
        """All is well, and the fault may come."""
        self.say(Ready(0, self.now))
        self._ready = True
        self.starts_at = min(self.starts_at, self.now + self.delay)

    def injected(self, at: float) -> None:
        """The fault is in place."""
        self._injected = at

    def turn(self) -> None:
        """Hear what was said, and answer. Raises SignalUnavailable when the round is to end and nothing is held."""
        self._tell_pages()
        self.wellness.look()
        for fact in self.table.facts[self._heard :]:
            self._heard += 1
            self._hear(fact)
        self._say_what_was_done()
        self._escalate()
        self._tell_injects()
        if self.aborted_by is not None and not self.abort_taken and (self._injected is None or self.over):
            when = "before anything was broken" if self._injected is None else "while what was broken was put back"
            raise SignalUnavailable(f"aborted by fact {self.aborted_by} of the game, {when}")

    def lets_go(self) -> None:
        """What is broken is being put back: players do nothing more, and what is half done is left to its undo."""
        self.over = True
        self.actions.stop()
        self._hands.shutdown(wait=False, cancel_futures=True)

    def last_words(self) -> None:
        """Say what became of what was under way."""
        self._say_what_was_done()

    def acts(self) -> int | None:
        """The number of the action that is under way, or was done just now; None: there is none."""
        if acting := [number for number in self._acting if not self._is_silence(number)]:
            return acting[0]
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
                self.say(as_told(page, self.now))

    def _escalate(self) -> None:
        facts = self.table.facts
        began = next(fact for fact in facts if isinstance(fact, RoundBegan))
        taken = {fact.page for fact in facts if isinstance(fact, Acknowledged | Escalated)}
        for page in [fact for fact in facts if isinstance(fact, Paged) and fact.firing and fact.number not in taken]:
            if self.now >= page.at + began.acknowledge_within_seconds:
                self.say(Escalated(0, self.now, page.number, began.fallback))

    def _tell_injects(self) -> None:
        # Once people have ended it, nobody from outside has anything left to ask.
        while self._injected is not None and not self.over and self._told < len(self.injects):
            inject = self.injects[self._told]
            if self.now < self._injected + inject.after.in_seconds:
                return
            self._told += 1
            if inject.text:
                within = inject.within.in_seconds if inject.within else None
                self.say(InjectTold(0, self.now, inject.from_, inject.text, within))

    def _hear(self, fact: AnyGameFact) -> None:
        match fact:
            case Asked() if refused := self._refused(fact.action):
                self.say(Acted(0, self.now, fact.number, False, refused))
            case Asked(action=action) if action.startswith(_REPAIR):
                self._repair(fact, action)
            case Asked(action=action):
                self._acting[fact.number] = self._hands.submit(self.actions.do, action)
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
        return self._injected is None or self.now < self._injected + _HINTS_AFTER_SECONDS

    def _refused(self, action: str) -> str:
        if not self._ready:
            return "the round has not begun: everything is still being proven well"
        if self.over:
            return "what was broken is being put back"
        beats = {one.name for page in self.context.recorder.live.all(PageSeen) for one in page.alerts
                 if page.receiver == self.heartbeat_receiver}  # fmt: skip
        if (words := action.split())[0] == SILENCE and words[1] in beats:
            return f"{words[1]} says that pages arrive at all, and is not silenced"
        return ""

    def _repair(self, asked: Asked, action: str) -> None:
        if left := self._costs():
            self.say(Acted(0, self.now, asked.number, False, left))
            return
        component, _, family = action.removeprefix(_REPAIR).rpartition(" ")
        try:
            found = self._injected is not None and self.repair(component, family, asked.number)
        except UndoFailed as error:
            # Something else may be in its way; it is put back with the rest, and its proof comes then.
            self.say(Acted(0, self.now, asked.number, False, f"it cannot be proven yet: {error}"))
            return
        if found:
            self.say(Acted(0, self.now, asked.number, True, f"{component} was put right"))
            return
        detail = f"nothing is wrong with {component} in that way; {self._was_wrong()}"
        self.say(Acted(0, self.now, asked.number, False, detail))

    def _was_wrong(self) -> str:
        self._no_guess_until = self.now + self.wrong_repair_costs
        return self._costs()

    def _costs(self) -> str:
        left = self._no_guess_until - self.now
        return f"{_STILL_TRIED} {left:.0f} s" if left > 0 else ""

    def _say_what_was_done(self) -> None:
        for number, future in [(number, one) for number, one in self._acting.items() if one.done()]:
            del self._acting[number]
            done, detail = _result(future)
            # Also what failed half-way may have taken something away; what was refused has not.
            if _began(future) and not self._is_silence(number):
                self._acted = (number, self.now)
            self.say(Acted(0, self.now, number, done, detail))

    @property
    def too_early_to_end(self) -> bool:
        """Whether what is broken may not have been noticed yet; the same before it came, so that it does not tell."""
        return self._injected is None or self.now < self._injected + self.noticed_within

    @property
    def noticed_within(self) -> float:
        """Seconds from when something is broken until somebody or some rule may have noticed it."""
        began = next(one for one in self.table.facts if isinstance(one, RoundBegan))
        return min(_OVER_AFTER_SECONDS * began.stretch, _OVER_AFTER_SHARE * began.limit_seconds)

    def _is_silence(self, number: int) -> bool:
        """Whether this fact asked for something that takes no fault away."""
        asked = next((fact for fact in self.table.facts if isinstance(fact, Asked) and fact.number == number), None)
        return asked is not None and asked.action.split()[0] == SILENCE

    def _declared(self, fact: Declared) -> None:
        if why := self._costs():
            self.say(Declined(0, self.now, fact.number, why))
        elif self.too_early_to_end:
            self.say(Declined(0, self.now, fact.number, "it is too early to say"))
        elif amiss := self.wellness.amiss():
            self.say(Declined(0, self.now, fact.number, f"{amiss}; {self._was_wrong()}"))
        else:
            self.declared = self.declared or fact.number

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
                self.aborted_by = self.aborted_by or fact.number


def _began(future: Future[str]) -> bool:
    return not future.cancelled() and not isinstance(future.exception(), GameRefused)


def _result(future: Future[str]) -> tuple[bool, str]:
    if future.cancelled():
        return False, "it was too late for it"
    try:
        return True, future.result()
    except ChaosError as error:
        return False, str(error)
    except Exception as error:  # whatever an action meets, the round goes on, and its undo too
        return False, f"{type(error).__name__}: {error}"
