"""Plays a round: seals what was drawn, runs it with people at the table, opens the seal, and tells of it."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from chaos.drill.plan import Plan
from chaos.drill.progress import Progress
from chaos.errors import ChaosError
from chaos.facts import game, recorder
from chaos.facts.game import HoldEnded, Joined, Revealed, RoundBegan
from chaos.facts.run import Injected
from chaos.faults.hands import System
from chaos.gameday import ending, hints, names, sealing
from chaos.gameday.actions import Actions
from chaos.gameday.master import NEVER, Master
from chaos.gameday.round import Round, TableContext
from chaos.gameday.screen import Screen
from chaos.gameday.table import Table
from chaos.machine.interrupts import Interrupts
from chaos.report.debrief import Debrief
from chaos.spec import length
from chaos.spec.experiment import Experiment
from chaos.spec.gameday import deck as decks
from chaos.spec.gameday import seal, truth
from chaos.spec.gameday.deck import Card, Deck
from chaos.spec.gameday.seal import Seal, Sealed
from chaos.spec.pace import Pace
from chaos.spec.panel import Panel
from chaos.spec.values import Duration

_COVER_BYTES = 16
_MOST_EXTENDED = 2.0
"""A host may extend a round to so many times its limit."""
_BESIDE = timedelta(hours=2)
"""Lease and users last so much longer than a round can, whatever is drawn: how long they do is there for all to see."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A round that was drawn, and sealed."""

    deck: Deck
    card: Card
    file: Path
    """The experiment's."""
    experiment: Experiment
    """As it is played at this pace, with what comes in between."""
    seal: Seal
    pace: Pace


@dataclass(frozen=True, slots=True)
class Setting:
    """Where it is played, and by whom."""

    system: System
    known_alerts: frozenset[str]
    panels: tuple[Panel, ...]
    revision: tuple[str, bool]
    who: str
    screen: Callable[[Table, str], Screen]
    waits_for_host: bool = False
    without_names: bool = False
    """Whether people's names are left out of what is kept."""


def drawing(deck: Deck, file: Path, read: Experiment, sealed: Sealed, pace: Pace) -> Drawing:
    """Seal what was drawn; `read`: the experiment of this file."""
    card = Card(
        file.stem,
        mitigation=sealed.mitigation,
        injects=sealed.injects,
        herring=sealed.herring,
        hints=sealed.hints,
    )
    longest = Duration(seconds=_MOST_EXTENDED * deck.limit.in_seconds)
    played = decks.played(decks.held(read.at(pace), longest), sealed.injects)
    return Drawing(deck, card, file, played, seal.seal(sealed), pace)


def play(drawn: Drawing, setting: Setting, interrupts: Interrupts, items: list[str], progress: Progress) -> Debrief:
    """Play it to its end, and tell of it; however it ends, the fault is undone and the seal opened.

    Raises RunInProgress and what judging raises.
    """
    runs = setting.system.target.runs_folder
    run_id = recorder.free_id(runs, f"{time.strftime('%Y%m%d-%H%M%S')}-gameday")
    folder = runs / run_id
    table = Table(folder)
    with sealing.sealed(folder, drawn.seal) as private:
        context = TableContext(
            run_id,
            "gameday",
            setting.system,
            recorder.open_in(private, drawn.file, drawn.pace),
            interrupts,
            progress,
            cover=secrets.token_hex(_COVER_BYTES),
        )
        recorder.point_latest(runs, run_id)
        progress.note(f"sealed as {drawn.seal.commitment}")
        with _at_the_table(drawn, setting, table, context, items) as master:
            Round(
                _plan(drawn, setting, run_id), context, master, drawn.deck.limit.in_seconds, _roles(setting.system)
            ).run()
    if setting.without_names:
        names.leave_out(table.file)
    return ending.write(folder)


@contextmanager
def _at_the_table(
    drawn: Drawing, setting: Setting, table: Table, context: TableContext, items: list[str]
) -> Iterator[Master]:
    """People can come to the table for as long as the block is played, and are told when it is over."""
    master, progress = _master(drawn, setting, table, context), context.progress
    master.began(_began(drawn, setting, context, master, items))
    master.say(Joined(0, context.now(), setting.who, "host" if setting.waits_for_host else "player"))
    screen = setting.screen(table, setting.who)
    context.turns += [master.turn, screen.show]
    try:
        yield master
    finally:
        context.progress = progress  # a round says nothing while it is sealed; from here on it may
        _try(master.lets_go, context)
        _try(master.last_words, context)
        _try(lambda: _close(table, context), context)
        _try(screen.show, context)


def _try(step: Callable[[], object], context: TableContext) -> None:
    try:
        step()
    except (ChaosError, OSError) as error:
        context.progress.note(f"not done: {error}")


def _close(table: Table, context: TableContext) -> None:
    facts = table.facts
    if context.recorder.live.first(Injected) and not any(isinstance(fact, HoldEnded) for fact in facts):
        game.append(table.file, HoldEnded(0, context.now(), "broken off", None))
    game.append(table.file, Revealed(0, context.now()))


def _master(drawn: Drawing, setting: Setting, table: Table, context: TableContext) -> Master:
    target = setting.system.target
    true = truth.of(drawn.experiment, drawn.card.herring, _roles(setting.system))
    return Master(
        table=table,
        context=context,
        actions=Actions(context, drawn.experiment.fault.for_),
        hints=hints.of(drawn.card, drawn.experiment, true, setting.panels, target),
        injects=tuple(drawn.card.injects),
        wrong_repair_costs=drawn.deck.wrong_repair_costs.in_seconds,
        heartbeat_receiver=target.alerting.heartbeat_receiver if target.alerting else "",
        delay=NEVER if setting.waits_for_host else drawn.seal.sealed.delay_seconds,
    )


def _began(drawn: Drawing, setting: Setting, context: TableContext, master: Master, items: list[str]) -> RoundBegan:
    deck = drawn.deck
    return RoundBegan(
        0,
        context.now(),
        context.origin,
        context.wall,
        drawn.seal.commitment,
        deck.limit.in_seconds,
        deck.acknowledge_within.in_seconds,
        deck.fallback,
        components(setting.system),
        list(truth.families()),
        master.actions.offered(),
        _roles(setting.system),
        items,
        drawn.pace.stretch,
        deck.objective,
        setting.without_names,
    )


def components(system: System) -> list[str]:
    """What a diagnosis may name: everything of the target, and what has no name of its own; the same for every seal."""
    target = system.target
    stores = ["redis"] if target.redis else []
    named = {*target.instances, *target.links, *stores, *truth.ALL_OF_IT.values(), *_roles(system).values()}
    return [*sorted(named), truth.NOTHING]


def _roles(system: System) -> dict[str, str]:
    return {name: one.role for name, one in system.target.instances.items()}


def _plan(drawn: Drawing, setting: Setting, run_id: str) -> Plan:
    held, deck = drawn.experiment, drawn.deck
    longest = _MOST_EXTENDED * deck.limit.in_seconds + deck.latest.in_seconds + drawn.pace.calm_seconds
    lasts = max(timedelta(seconds=longest) + _BESIDE, timedelta(seconds=length.longest(held, drawn.pace)))
    load = replace(setting.system.target.load.settings(), max_duration=lasts)
    return Plan(
        run_id,
        drawn.file.stem,
        held,
        drawn.pace,
        setting.known_alerts,
        load,
        *setting.revision,
        setting.panels,
        at_most=lasts.total_seconds(),
    )


def new_seed() -> int:
    """One that nobody can guess."""
    return secrets.randbits(64)
