"""A deck: which experiments a round may be drawn from, what comes in between, and how long people have."""

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from chaos.errors import InvalidFile
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment, Staged
from chaos.spec.faults.table import AnyFault
from chaos.spec.values import Duration

DIFFICULTIES = (1, 2, 3)
"""1: one page says it; 2: what is broken has to be told from what suffers; 3: it hides, or there is more than one."""


class Inject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Something that comes in the middle of a round: somebody wants to know, a second fault, more load."""

    after: Duration
    """From when the first fault is in place, in real time."""
    text: str = ""
    """What is told to the players; empty: nothing is."""
    from_: str = "a stakeholder"
    """Who says it."""
    expects: str = ""
    """What a good answer holds, for the debrief."""
    within: Duration | None = None
    """How long they have for an answer; None: none is expected."""
    fault: AnyFault | None = None
    """What is broken then, besides; `for` is how long."""
    may_fire: list[str] = []
    """The alerts that may come of it: any other that the experiment does not list is a surprise."""

    def __post_init__(self) -> None:
        if not self.text and self.fault is None:
            raise ValueError("an inject needs a text or a fault")
        if self.may_fire and self.fault is None:
            raise ValueError("may_fire: nothing comes of an inject without a fault")
        if self.within is not None and not self.text:
            raise ValueError("within: an answer needs a question: `text`")


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One round that may be drawn."""

    experiment: str
    """Its id in our catalogue, or the path of a file, ending in `.yaml`, from the deck's folder."""
    difficulty: int = 1
    """One of DIFFICULTIES."""
    mitigation: str = ""
    """The action that ends what users feel, such as `restart shop-2`, or `repair COMPONENT KIND`; empty where there is
    nothing to be ended."""
    injects: list[Inject] = []
    herring: bool = False
    """Whether what is done has no effect: it is there to be told from a fault."""
    hints: list[str] = []
    """Three, instead of those made from the truth."""

    def __post_init__(self) -> None:
        if self.difficulty not in DIFFICULTIES:
            raise ValueError(f"difficulty: must be one of {', '.join(map(str, DIFFICULTIES))}")


class Deck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a game day is played with."""

    title: str
    cards: list[Card]
    rounds: int = 1
    limit: Duration = Duration(minutes=20)
    """From when the fault is in place; after that it is put back, whatever became of it. In real time."""
    earliest: Duration = Duration(seconds=5)
    """The fault comes so long after the round began, at the earliest."""
    latest: Duration = Duration(seconds=30)
    acknowledge_within: Duration = Duration(minutes=2)
    """A page that nobody took for so long is told to `fallback`."""
    fallback: str = "the second on call"
    objective: float = 99.9
    """Which share of users' requests has to succeed, in percent: what a round costs is told in its error budget."""
    wrong_repair_costs: Duration = Duration(minutes=1)
    """For so long nobody may try to repair again."""

    def __post_init__(self) -> None:
        if not self.cards:
            raise ValueError("cards: at least one is needed")
        if self.earliest > self.latest:
            raise ValueError("earliest: must not be after `latest`")
        for card in self.cards:
            if list(card.injects) != sorted(card.injects, key=lambda one: one.after):
                raise ValueError(f"injects: of {card.experiment}: must stand in the order in which they come")
        if not 0 < self.objective < 100:
            raise ValueError("objective: must be between 0 and 100, in percent")
        if self.rounds < 1:
            raise ValueError("rounds: must be 1 or more")


@dataclass(frozen=True, slots=True)
class Drawn:
    """What fate chose."""

    card: Card
    delay_seconds: float


def read(file: Path, catalogue: Path) -> Deck:
    """Read a deck; its experiments must be there, in the catalogue's folder or at their paths. Raises InvalidFile."""
    deck = yamlfile.read(file, Deck)
    for place, card in enumerate(deck.cards):
        if not file_of(card, file, catalogue).is_file():
            raise yamlfile.located(file, f"cards[{place}].experiment", f"there is no experiment {card.experiment}")
    return deck


def file_of(card: Card, deck: Path, catalogue: Path) -> Path:
    """The file of a card's experiment; `deck`: that of its deck."""
    if card.experiment.endswith((".yaml", ".yml")):
        return deck.parent / card.experiment
    return catalogue / f"{card.experiment}.yaml"


def draw(deck: Deck, seed: int, place: int, difficulty: int | None, among: Collection[str] | None) -> Drawn:
    """Draw the round at this place of the day, the first being 0; the same seed gives the same days.

    `difficulty`: only such ones; `among`: only these experiments. Raises InvalidFile when there is none.
    """
    cards = [
        card
        for card in deck.cards
        if difficulty in (None, card.difficulty) and (among is None or card.experiment in among)
    ]
    if not cards:
        raise InvalidFile(Path(deck.title), "cards", "none of them is what was asked for")
    fate = random.Random(seed)  # who may not know it does not know the seed
    # Of several rounds of a day none comes twice before all came.
    order = [card for _ in range(place // len(cards) + 1) for card in fate.sample(cards, len(cards))]
    delays = [fate.uniform(deck.earliest.in_seconds, deck.latest.in_seconds) for _ in range(place + 1)]
    return Drawn(order[place], round(delays[place], 1))


def played(experiment: Experiment, injects: Iterable[Inject]) -> Experiment:
    """The experiment with the faults that come in between: what a round breaks, and what its truth is."""
    faults = [one for one in injects if one.fault is not None]
    more = [Staged(one.fault, one.after) for one in faults if one.fault is not None]
    may_fire = dict.fromkeys(name for one in faults for name in one.may_fire)
    new = [name for name in may_fire if name not in {one.name for one in experiment.allowed}]
    return msgspec.structs.replace(experiment, also=[*experiment.also, *more], may_fire=[*experiment.may_fire, *new])


def held(experiment: Experiment, longest: Duration) -> Experiment:
    """The same as long as people may need: the main fault, and those that the experiment stages itself."""
    return msgspec.structs.replace(
        experiment,
        fault=_as_long(experiment.fault, longest),
        also=[Staged(_as_long(one.fault, longest), one.after) for one in experiment.also],
    )


def _as_long(fault: AnyFault, longest: Duration) -> AnyFault:
    bounded = min(longest, fault.LONGEST or longest)
    return msgspec.structs.replace(fault, for_=Duration(seconds=bounded.total_seconds()))
