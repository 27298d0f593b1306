"""Which diagnosis is right: the component and the family of kinds, as the fault states them."""

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


ALL_OF_IT = {"process": "the machine", "traffic": "users"}
"""How a fault's component is called where it names none, unless as its family."""


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
    def components(self) -> list[str]:
        """Every name of what was hit."""
        return sorted({component for component, _ in self.answers})

    @property
    def families(self) -> list[str]:
        """Of each fault."""
        return sorted({family for _, family in self.answers})


def of(experiment: Experiment, herring: bool = False) -> Truth:
    """The truth of a round. Of a red herring it is right that nothing is broken, and also what it was."""
    faults = [fault for fault in experiment.faults if not isinstance(fault, NoFault)]
    answers = {(component, family_of(fault)) for fault in faults for component in components_of(fault)}
    if herring or not faults:
        answers.add((NOTHING, NOTHING))
    return Truth(frozenset(answers), experiment.describe_faults())


def family_of(fault: AnyFault) -> str:
    """The first word of its kind."""
    return str(type(fault).__struct_config__.tag).partition(".")[0]


def components_of(fault: AnyFault) -> frozenset[str]:
    """Every name of what it acts on: instances, links and, of one caller's own link, that caller."""
    names = {*fault.instances(), *fault.links()}
    names |= {caller for link in fault.links() if (caller := link.partition("/")[2])}
    family = family_of(fault)
    # What a fault chooses when it comes, or does to all of a kind, is called as that kind.
    return frozenset(names) or frozenset({ALL_OF_IT.get(family, family)})


def families() -> tuple[str, ...]:
    """Those that a player can choose from, all that there are."""
    there = {kind.partition(".")[0] for kind in FAULTS if kind != "none"}
    return (*sorted(there), NOTHING)
