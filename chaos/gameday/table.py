"""What people can do in a round, for a terminal, a console or a test; a writer of the game's facts, in any process.

What is impossible is refused at once, with what would be possible.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from chaos.errors import GameRefused
from chaos.facts import game
from chaos.facts.game import (
    GAME_FILE,
    ROLES,
    Acknowledged,
    Answered,
    AnyGameFact,
    Asked,
    Claimed,
    Declared,
    HintAsked,
    InjectTold,
    Joined,
    Noted,
    Paged,
    Revealed,
    RoundBegan,
    RunbookOpened,
    Steered,
    TruthShown,
)
from chaos.gameday import sealing
from chaos.machine.clock import Clock, SystemClock
from chaos.report import plain
from chaos.spec.gameday import deck, truth

_LONGEST_TEXT = 2_000
_LONGEST_NAME = 40
_LONGEST_SECONDS = 3_600.0
ANY = frozenset({"ALERT", "MINUTES", "SERVICE", "REPLICAS", "COMPONENT", "KIND"})
"""In an action that is offered, what stands for any word: no name of a target's is told from its letters."""
_HOST_MAY = ("start", "delay", "extend", "abort")

T = TypeVar("T", bound=AnyGameFact)


class Table:
    """The table of the round in this run's folder."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self._clock = clock or SystemClock()
        self.file = folder / GAME_FILE

    @property
    def facts(self) -> list[AnyGameFact]:
        """Every fact so far. Raises GameRefused where the file cannot be read."""
        try:
            return game.read(self.file)
        except (OSError, ValueError) as error:
            raise GameRefused(f"the game cannot be read: {error}") from error

    @property
    def began(self) -> RoundBegan:
        """What the round was begun with. Raises GameRefused where there is none."""
        found = next((fact for fact in self.facts if isinstance(fact, RoundBegan)), None)
        if found is None:
            raise GameRefused(f"no round is played in {self.folder}")
        return found

    def all(self, kind: type[T]) -> list[T]:
        """Every fact of this kind so far."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    @property
    def is_over(self) -> bool:
        """Whether everybody may know everything."""
        return bool(self.all(Revealed))

    @property
    def is_to_abort(self) -> bool:
        """Whether somebody wants the round to end, also where that was not heard yet."""
        return any(fact.how == "abort" for fact in self.all(Steered))

    def join(self, who: str, role: str) -> AnyGameFact:
        """Come to the table, as one of ROLES; one person can be all of them."""
        if role not in ROLES:
            raise GameRefused(f"{role}: a role is one of {', '.join(ROLES)}")
        return self._add(Joined(0, self._now(), _name(who), role))

    def acknowledge(self, who: str, page: int) -> AnyGameFact:
        """Take a page, by the number of its fact."""
        self._page(page)

        def free(facts: list[AnyGameFact]) -> None:
            if taken := [fact.who for fact in facts if isinstance(fact, Acknowledged) and fact.page == page]:
                raise GameRefused(f"{taken[0]} has taken page {page} already")

        return self._add(Acknowledged(0, self._now(), _name(who), page), free)

    def open_runbook(self, who: str, page: int) -> str:
        """Where it says what to do about a page."""
        found = self._page(page)
        self._add(RunbookOpened(0, self._now(), _name(who), page))
        return found.runbook

    def claim(self, who: str, component: str, family: str, confidence: float) -> AnyGameFact:
        """Say what is broken, as sure as one is, from 0 to 1; as often as one likes."""
        began = self.began
        if component not in (*began.components, truth.NOTHING):
            raise GameRefused(f"{component}: a component is one of {', '.join(began.components)}")
        if family not in began.families:
            raise GameRefused(f"{family}: a kind is one of {', '.join(began.families)}")
        if not 0 <= confidence <= 1:
            raise GameRefused(f"{confidence:g}: how sure one is is a number from 0 to 1")
        return self._add(Claimed(0, self._now(), _name(who), component, family, confidence))

    def note(self, who: str, text: str) -> AnyGameFact:
        """Write something down."""
        return self._add(Noted(0, self._now(), _name(who), _text(text)))

    def ask(self, who: str, action: str) -> AnyGameFact:
        """Have something done, as one of the round's actions says; what became of it is a fact of its own."""
        wanted = plain.line(action)
        if not fits(wanted, self.began.actions):
            raise GameRefused(f"{wanted}: what may be done is {', '.join(self.began.actions)}")
        return self._add(Asked(0, self._now(), _name(who), wanted))

    def hint(self, who: str) -> AnyGameFact:
        """Ask for the next hint; it costs."""
        return self._add(HintAsked(0, self._now(), _name(who)))

    def answer(self, who: str, inject: int, text: str) -> AnyGameFact:
        """Answer somebody from outside, by the number of what was told."""
        if not any(fact.number == inject for fact in self.all(InjectTold)):
            raise GameRefused(f"{inject}: nobody asked that")
        return self._add(Answered(0, self._now(), _name(who), inject, _text(text)))

    def declare(self, who: str) -> AnyGameFact:
        """Say that it is over; it is when users are well."""
        return self._add(Declared(0, self._now(), _name(who)))

    def steer(self, who: str, how: str, seconds: float = 0.0, leads: bool = False) -> AnyGameFact:
        """The host's: `start` now, `delay` or `extend` by seconds, `abort`. Where nobody is host, everybody may.

        `leads`: he is known to be a host, and comes to the table as one if need be.
        """
        if how not in _HOST_MAY:
            raise GameRefused(f"{how}: a host may {', '.join(_HOST_MAY)}")
        if not 0 <= seconds <= _LONGEST_SECONDS:
            raise GameRefused(f"{seconds:g}: seconds are a number from 0 to {_LONGEST_SECONDS:g}")
        hosts = {fact.who for fact in self.all(Joined) if fact.role == "host"}
        if hosts and _name(who) not in hosts:
            if not leads:
                raise GameRefused(f"only a host may: {', '.join(sorted(hosts))}")
            self.join(who, "host")
        return self._add(Steered(0, self._now(), _name(who), how, seconds))

    def show_truth(self, who: str) -> str:
        """What is broken; noted, and what he claims from here on is not scored."""
        self._add(TruthShown(0, self._now(), _name(who)))
        opened = sealing.read(self.folder).sealed
        experiment = deck.played(sealing.experiment(self.folder), opened.injects)
        return truth.of(experiment, opened.herring, self.began.roles).words

    def _page(self, number: int) -> Paged:
        found = next((fact for fact in self.all(Paged) if fact.number == number), None)
        if found is None:
            raise GameRefused(f"{number}: no page has this number")
        return found

    def _add(self, fact: AnyGameFact, allowed: Callable[[list[AnyGameFact]], None] = lambda _: None) -> AnyGameFact:
        def goes_on(facts: list[AnyGameFact]) -> None:
            if any(isinstance(one, Revealed) for one in facts):
                raise GameRefused("the round is over")
            _assert_takes_part(fact, facts)
            allowed(facts)

        try:
            return game.append(self.file, fact, goes_on)
        except (OSError, ValueError) as error:
            raise GameRefused(f"it cannot be written down: {error}") from error

    def _now(self) -> float:
        return self._clock.monotonic() - self.began.origin


def fits(action: str, offered: list[str]) -> bool:
    """Whether it is one of these, of which each of ANY stands for any word."""
    return any(_is_like(action.split(), pattern.split()) for pattern in offered)


def _is_like(words: list[str], pattern: list[str]) -> bool:
    same = len(words) == len(pattern)
    return same and all(want == word or want in ANY for want, word in zip(pattern, words, strict=True))


def _assert_takes_part(fact: AnyGameFact, facts: list[AnyGameFact]) -> None:
    """Raises GameRefused for what somebody does who came to look on only; whoever may steer may end it all the same."""
    who = getattr(fact, "who", "")
    roles = {one.role for one in facts if isinstance(one, Joined) and one.who == who}
    if roles == {"watcher"} and not isinstance(fact, Joined | Steered):
        raise GameRefused("a watcher looks on: `stormdrill gameday join` without `--role watcher` takes part")


def _name(who: str) -> str:
    name = " ".join(plain.line(who).split())[:_LONGEST_NAME]
    if not name:
        raise GameRefused("who says it? a name is needed")
    return name


def _text(text: str) -> str:
    said = plain.line(text).strip()
    if not said:
        raise GameRefused("there is no text")
    return said[:_LONGEST_TEXT]
