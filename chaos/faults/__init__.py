"""The one table of faults: the name in an experiment file is the tag of its class."""

from typing import TypeAlias

from chaos.faults.fault import Fault, Proof, System
from chaos.faults.none import NoFault
from chaos.faults.process import ProcessKill

AnyFault: TypeAlias = NoFault | ProcessKill

FAULTS: dict[str, type[AnyFault]] = {
    "none": NoFault,
    "process.kill": ProcessKill,
}

__all__ = ["FAULTS", "AnyFault", "Fault", "Proof", "System"]
