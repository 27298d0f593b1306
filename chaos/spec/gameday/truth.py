"""Which diagnosis is right: the component and the family of kinds, as the fault states them."""

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.spec.experiment import Experiment
from chaos.spec.faults.none import NoFault
from chaos.spec.faults.table import FAULTS, AnyFault

NOTHING = "nothing"
"""The component and the family of a round in which nothing is broken."""
FAMILIES = {
    "process": "a process is down, frozen, slow, or restarted; or the machine has no CPU left",
    "haproxy": "the load balancer was told something wrong about a server",
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

    def is_right(self, component: str, family: str) -> bool:
        """Whether a diagnosis is right in both."""
        return (component, family) in self.answers

    @property
    def families(self) -> list[str]:
        """Of each fault."""
        return sorted({family for _, family in self.answers})


def of(experiment: Experiment, herring: bool, roles: Mapping[str, str]) -> Truth:
    """The truth of a round. Of a red herring it is right that nothing is broken, and also what it was.

    `roles`: of the target's instances, by their names: who names a role says that all of it was hit.
    """
    faults = [fault for fault in experiment.faults if not isinstance(fault, NoFault)]
    answers = {
        (component, family)
        for fault in faults
        for component in _components(fault, roles)
        for family in _families(fault)
    }
    if herring or not faults:
        answers.add((NOTHING, NOTHING))
    return Truth(frozenset(answers), experiment.describe_faults())


def of_fault(fault: AnyFault, roles: Mapping[str, str]) -> Truth:
    """The truth of one fault alone."""
    if isinstance(fault, NoFault):
        return Truth(frozenset(), fault.describe())
    answers = {(component, family) for component in _components(fault, roles) for family in _families(fault)}
    return Truth(frozenset(answers), fault.describe())


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
