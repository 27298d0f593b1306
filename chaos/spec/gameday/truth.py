"""Which diagnosis is right: the component and the family of kinds, as the fault states them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec

from chaos.spec.experiment import Experiment
from chaos.spec.faults.none import NoFault
from chaos.spec.faults.table import FAULTS, AnyFault

NOTHING = "nothing"
"""The component and the family of a round in which nothing is broken."""
FAMILIES = {
    "process": "a process is down, frozen, slow, or restarted; or the machine has no CPU left",
    "haproxy": "the load balancer was told something wrong about a server, which is the component",
    "network": "the way between two parts is slow, narrow, cut or reset",
    "pager": "the pager takes no pages",
    "postgres": "somebody else uses Postgres badly: locks, connections, queries",
    "redis": "Redis lost a node, its majority or its keys, or is full",
    "traffic": "users behave otherwise: more of them, slow ones, all after one thing",
    "node": "a machine is drained",
    "service": "a service has another number of replicas",
    NOTHING: "nothing is broken",
}
"""Every family of kinds, and what it means for people."""


ALL_OF_IT = {"process": "machine", "traffic": "users"}
"""How a fault's component is called where it names none, unless as its family."""
_ALSO_A_PROCESS = ("redis.kill_master", "redis.kill_replica", "redis.lose_majority")
"""Kinds of another family that are, to whoever looks, a process that is down."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What was broken."""

    answers: frozenset[tuple[str, str]]
    """Component and family; each names one of the faults."""
    words: str
    within: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    """From when until when each of them is right, in seconds since the run's start; one that is not here always is."""

    def is_right(self, component: str, family: str, at: float | None = None) -> bool:
        """Whether a diagnosis is right in both; `at`: when it was made, None: it does not matter."""
        answer = (component, family)
        if answer not in self.answers:
            return False
        since, until = self.within.get(answer, (-math.inf, math.inf))
        return at is None or since <= at < until

    @property
    def families(self) -> list[str]:
        """Of each fault."""
        return sorted({family for _, family in self.answers})


def of(experiment: Experiment, herring: bool, roles: Mapping[str, str]) -> Truth:
    """The truth of a round as it was drawn. Of a red herring it is right that nothing is broken, and also what it was.

    `roles`: of the target's instances, by their names: who names a role says that all of it was hit.
    """
    faults = [fault for fault in experiment.faults if not isinstance(fault, NoFault)]
    answers = {answer for fault in faults for answer in _answers(fault, roles)}
    if herring or not faults:
        answers.add((NOTHING, NOTHING))
    return Truth(frozenset(answers), experiment.describe_faults())


def of_injected(
    experiment: Experiment,
    herring: bool,
    roles: Mapping[str, str],
    came: Mapping[int | None, float],
    chosen: Mapping[int | None, Sequence[str]] = MappingProxyType({}),
) -> Truth:
    """The truth of a round as it was played: no fault is right that never came, nor before it came.

    `came`: when each was injected, in seconds since the run's start; None is the main one, a number a place under
    `also`. A fault stays right when it is over: what users feel of it lasts longer. `chosen`: the instances that such a
    fault chose when it came.
    """
    begun = {place: at for place, at in came.items() if not isinstance(_fault(experiment, place), NoFault)}
    within: dict[tuple[str, str], tuple[float, float]] = {}
    for place, at in sorted(begun.items(), key=lambda one: one[1]):
        for answer in _answers(_fault(experiment, place), roles, chosen.get(place, ())):
            within.setdefault(answer, (at, math.inf))
    first = min(begun.values(), default=math.inf)
    if herring or isinstance(experiment.fault, NoFault) or not begun:
        within[NOTHING, NOTHING] = (-math.inf, math.inf if herring else first)
    words = _as_played(experiment, came)
    if named := [name for place in begun for name in chosen.get(place, ())]:
        words = f"{words}; that was {', '.join(named)}"
    return Truth(frozenset(within), words, within)


def _fault(experiment: Experiment, place: int | None) -> AnyFault:
    return experiment.fault if place is None else experiment.also[place].fault


def _as_played(experiment: Experiment, came: Mapping[int | None, float]) -> str:
    if None not in came:
        return f"nothing was injected; what was sealed is: {experiment.describe_faults()}"
    played = [one for place, one in enumerate(experiment.also) if place in came]
    never = [one.fault.describe() for place, one in enumerate(experiment.also) if place not in came]
    words = msgspec.structs.replace(experiment, also=played).describe_faults()
    return f"{words}; never came: {', '.join(never)}" if never else words


def _answers(fault: AnyFault, roles: Mapping[str, str], chosen: Sequence[str] = ()) -> set[tuple[str, str]]:
    components = _components(fault, roles) | set(chosen)
    return {(component, family) for component in components for family in _families(fault)}


def names(fault: AnyFault, roles: Mapping[str, str], component: str, family: str, chosen: Sequence[str] = ()) -> bool:
    """Whether a diagnosis names this fault; `chosen`: the instances that it chose when it came."""
    return not isinstance(fault, NoFault) and (component, family) in _answers(fault, roles, chosen)


def _families(fault: AnyFault) -> tuple[str, ...]:
    kind = str(type(fault).__struct_config__.tag)
    own = kind.partition(".")[0]
    return (own, "process") if kind in _ALSO_A_PROCESS else (own,)


def _components(fault: AnyFault, roles: Mapping[str, str]) -> set[str]:
    """Every name of what it acts on: instances, their role where all of it is hit, links and a link's one caller."""
    instances = set(fault.instances())
    names = {*instances, *fault.links()}
    names |= {caller for link in fault.links() if (caller := link.partition("/")[2])}
    for role in set(roles.values()):
        if {name for name, its in roles.items() if its == role} <= instances:
            names.add(role)
    own = _families(fault)[0]
    # What a fault chooses when it comes, or does to all of a kind, is called as that kind.
    return names or {ALL_OF_IT.get(own, own)}


def families() -> tuple[str, ...]:
    """Those that a player can choose from, all that there are."""
    there = {kind.partition(".")[0] for kind in FAULTS if kind != "none"}
    return (*sorted(there), NOTHING)
