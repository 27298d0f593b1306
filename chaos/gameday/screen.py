"""A round in a terminal: what happens is printed, and what is typed is done at the table."""

import contextlib
import shlex
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from chaos.errors import ChaosError, GameRefused
from chaos.facts.game import HoldEnded, RoundBegan
from chaos.gameday import runbooks
from chaos.gameday.coach import Coach
from chaos.gameday.table import Table
from chaos.gameday.unhurried import Unhurried
from chaos.report import durations, game_words, plain
from chaos.spec.gameday.truth import FAMILIES
from chaos.spec.target import Target

HELP = """\
  ack PAGE                      take a page
  book PAGE                     where its runbook is
  claim COMPONENT KIND SURE     say what is broken, and how sure you are: claim shop-2 process 70
  do ACTION                     have something done: do restart shop-2
  what                          components, kinds and actions
  hint                          the next of three hints; it counts
  note TEXT                     write something down
  answer NUMBER TEXT            answer somebody
  over                          say that it is over: it is when users are well, whatever is still broken
  host start|delay|extend|abort [SECONDS]
  truth                         look at what is broken; what you claim afterwards is not scored
  help                          this"""


class Screen:
    """One person's terminal at a table."""

    def __init__(
        self,
        table: Table,
        who: str,
        out: TextIO | Unhurried | None = None,
        books: Path | None = None,
        coach: Coach | None = None,
        target: Target | None = None,
    ) -> None:
        self._table = table
        # That nothing seems to happen then, for minutes, is told to everybody.
        self._coach = coach or Coach((HoldEnded,))
        self._books, self._target = books, target
        """Where runbooks are, by the last part of their addresses."""
        self._who = who
        self._out = out or sys.stdout
        self._shown = 0
        self._lock = threading.Lock()

    def show(self) -> None:
        """Print what happened since."""
        with self._lock:
            for fact in self._table.facts[self._shown :]:
                self._shown += 1
                # Also what is in the file, whoever wrote it: a terminal obeys some characters.
                self._print(plain.line(f"{durations.clock(max(0.0, fact.at)):>9}  {game_words.line(fact)}"))
                if words := self._coach.explains(fact):
                    self._print(f"           ({words})")

    def do(self, line: str) -> None:
        """Do what was typed; says what is wrong with it."""
        try:
            words = shlex.split(line)
        except ValueError:
            words = line.split()
        if not words:
            return
        try:
            self._do(words[0], words[1:])
        except (ChaosError, ValueError) as error:
            self._print(plain.line(f"           {error}"))

    def _do(self, verb: str, rest: list[str]) -> None:
        verbs: dict[str, Callable[[list[str]], object]] = {
            "ack": lambda words: self._table.acknowledge(self._who, _number(words)),
            "book": lambda words: self._print(self._book(_number(words))),
            "claim": self._claim,
            "do": lambda words: self._table.ask(self._who, " ".join(words)),
            "what": lambda _: self._what(),
            "hint": lambda _: self._table.hint(self._who),
            "note": lambda words: self._table.note(self._who, " ".join(words)),
            "answer": lambda words: self._table.answer(self._who, _number(words[:1]), " ".join(words[1:])),
            "over": lambda _: self._table.declare(self._who),
            "host": self._host,
            "truth": lambda _: self._print(self._table.show_truth(self._who)),
            "help": lambda _: self._print(HELP),
        }
        if verb not in verbs:
            meant = f"; did you mean `do {' '.join([verb, *rest])}`?" if self._acts(verb) else ""
            raise GameRefused(f"{verb}: `help` says what can be done{meant}")
        verbs[verb](rest)
        self.show()

    def _acts(self, verb: str) -> bool:
        return any(action.split()[0] == verb for action in self._table.began.actions)

    def _book(self, page: int) -> str:
        where = self._table.open_runbook(self._who, page)
        told = runbooks.text(where, self._books, self._target)
        # A runbook has lines; its address is somebody else's word.
        return told if told != where else plain.line(where)

    def _claim(self, words: list[str]) -> None:
        if len(words) < 2:
            raise GameRefused("claim COMPONENT KIND SURE, such as: claim shop-2 process 70")
        sure = float(words[-1].rstrip("%")) / 100 if words[-1].rstrip("%").replace(".", "").isdigit() else None
        component, family = (words[:-1] if sure is not None else words)[:-1], words[-2 if sure is not None else -1]
        self._table.claim(self._who, " ".join(component), family, 0.5 if sure is None else sure)

    def _host(self, words: list[str]) -> None:
        if not words:
            raise GameRefused("host start|delay|extend|abort [SECONDS]")
        self._table.steer(self._who, words[0], float(words[1]) if len(words) > 1 else 0.0)

    def _what(self) -> None:
        began: RoundBegan = self._table.began
        for name, given in (("components", began.components), ("actions, each after `do`", began.actions)):
            self._print(f"  {name}: {', '.join(given)}")
        self._print("  kinds:")
        for family in began.families:
            self._print(f"    {family:<10}{FAMILIES.get(family, '')}".rstrip())

    def _print(self, text: str) -> None:
        # A terminal that was closed keeps nothing from being put back.
        with contextlib.suppress(OSError, ValueError):
            print(text, file=self._out, flush=True)


def _number(words: list[str]) -> int:
    if len(words) != 1 or not words[0].isdigit():
        raise GameRefused("a number is needed: it stands before what it is about")
    return int(words[0])
