"""Plays a round: draws it, seals it, runs it with people at the table, opens the seal, and tells of it."""

import io
import math
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import msgspec

from chaos.drill.context import RunContext
from chaos.drill.plan import Plan
from chaos.drill.progress import Progress
from chaos.facts import game, recorder
from chaos.facts.game import Revealed, RoundBegan
from chaos.faults.hands import System
from chaos.gameday import ending, hints, sealing
from chaos.gameday.actions import Actions, silences_of
from chaos.gameday.master import NEVER, Master
from chaos.gameday.round import Round, TableContext
from chaos.gameday.screen import Screen
from chaos.gameday.table import Table
from chaos.machine.interrupts import Interrupts
from chaos.report.debrief import Debrief
from chaos.spec import length
from chaos.spec.experiment import Experiment, Staged
from chaos.spec.gameday import seal, truth
from chaos.spec.gameday.deck import Card, Deck, Drawn
from chaos.spec.gameday.seal import Seal, Sealed
from chaos.spec.pace import Pace
from chaos.spec.panel import Panel
from chaos.spec.values import Duration

_COVER_BYTES = 16
_MOST_EXTENDED = 2.0
"""A host may extend a round to so many times its limit."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A round that was drawn."""

    deck: Deck
    card: Card
    file: Path
    """The experiment's."""
    experiment: Experiment
    """As it is held at this pace."""
    seal: Seal
    pace: Pace


@dataclass(frozen=True, slots=True)
class Setting:
    """Where it is played."""

    system: System
    known_alerts: frozenset[str]
    panels: tuple[Panel, ...]
    revision: tuple[str, bool]
    who: str
    waits_for_host: bool = False


def drawing(deck: Deck, file: Path, read: Experiment, drawn: Drawn, seed: tuple[int, int], pace: Pace) -> Drawing:
    """Seal what was drawn; `seed`: and which round of its day it is."""
    card = drawn.card
    sealed = Sealed(
        file.stem, file.read_text(), drawn.delay_seconds, card.injects, card.mitigation, card.herring, *seed
    )
    return Drawing(deck, card, file, _for_people(read.at(pace), card, deck), seal.seal(sealed), pace)


def _for_people(experiment: Experiment, card: Card, deck: Deck) -> Experiment:
    """As long as people may need, with what else comes in between."""
    longest = Duration(seconds=_MOST_EXTENDED * deck.limit.in_seconds)
    bounded = min(longest, experiment.fault.LONGEST or longest)
    main = msgspec.structs.replace(experiment.fault, for_=Duration(seconds=bounded.total_seconds()))
    more = [Staged(one.fault, one.after) for one in card.injects if one.fault is not None]
    return msgspec.structs.replace(experiment, fault=main, also=[*experiment.also, *more])


def play(drawn: Drawing, setting: Setting, interrupts: Interrupts, items: list[str], say: Progress) -> Debrief:
    """Play it to its end, and tell of it. Raises what a run raises; whatever happens, the seal is opened."""
    runs = setting.system.target.runs_folder
    run_id = recorder.free_id(runs, f"{time.strftime('%Y%m%d-%H%M%S')}-gameday")
    folder = runs / run_id
    private = sealing.make(folder, drawn.seal)
    recording = recorder.open_in(private, drawn.file, drawn.pace)
    recorder.point_latest(runs, run_id)
    context = TableContext(
        run_id,
        "gameday",
        setting.system,
        recording,
        interrupts,
        Progress(io.StringIO()),
        cover=secrets.token_hex(_COVER_BYTES),
    )
    table = Table(folder)
    master = _master(drawn, setting, table, context)
    screen = Screen(table, setting.who)
    context.turns += [master.turn, screen.show]
    say.note(f"sealed as {drawn.seal.commitment}")
    try:
        with_people = Round(_plan(drawn, setting, run_id), context, master, drawn.deck.limit.in_seconds)
        screen.listen()
        with_people.run()
    finally:
        master.close()
        _put_back(setting)
        sealing.reveal(folder)
    told = ending.write(folder, items)
    game.append(table.file, Revealed(0, context.now(), told.verdict.outcome.value))
    screen.show()
    return told


def _master(drawn: Drawing, setting: Setting, table: Table, context: RunContext) -> Master:
    target = setting.system.target

    actions = Actions(context.system, context.register, Duration(seconds=_MOST_EXTENDED * drawn.deck.limit.in_seconds))
    true = truth.of(drawn.experiment, drawn.card.herring)
    master = Master(
        table=table,
        context=context,
        actions=actions,
        truth=true,
        hints=hints.of(drawn.card, drawn.experiment, true, setting.panels),
        injects=tuple(drawn.card.injects),
        wrong_repair_costs=drawn.deck.wrong_repair_costs.in_seconds,
        heartbeat_receiver=target.alerting.heartbeat_receiver if target.alerting else "",
    )
    master.began(
        RoundBegan(
            0,
            context.now(),
            context.origin,
            context.wall,
            drawn.seal.commitment,
            drawn.deck.limit.in_seconds,
            drawn.deck.acknowledge_within.in_seconds,
            drawn.deck.fallback,
            components(setting.system, drawn.experiment),
            list(truth.families()),
            actions.offered(),
            drawn.pace.stretch,
        )
    )
    master.delay = NEVER if setting.waits_for_host else drawn.seal.sealed.delay_seconds
    return master


def components(system: System, _: Experiment) -> list[str]:
    """What a diagnosis may name: everything of the target, and what has no name of its own; the same for every seal."""
    target = system.target
    stores = ["redis"] if target.redis else []
    return sorted({*target.instances, *target.links, *stores, *truth.ALL_OF_IT.values(), *_roles(system)})


def _roles(system: System) -> Collection[str]:
    return {one.role for one in system.target.instances.values()}


def _plan(drawn: Drawing, setting: Setting, run_id: str) -> Plan:
    held = drawn.experiment
    longest = timedelta(seconds=math.ceil(length.longest(held, drawn.pace) + drawn.deck.latest.in_seconds))
    load = replace(setting.system.target.load.settings(), max_duration=longest)
    return Plan(
        run_id,
        drawn.file.stem,
        held,
        drawn.pace,
        setting.known_alerts,
        load,
        *setting.revision,
        setting.panels,
    )


def _put_back(setting: Setting) -> None:
    target = setting.system.target
    if target.urls.alertmanager:
        silences_of(target).end_all()


def new_seed() -> int:
    """One that nobody can guess."""
    return secrets.randbits(64)
