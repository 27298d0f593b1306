"""Which ending of a run an error means."""

import signal

from chaos.errors import (
    BaselineNotMet,
    ChaosError,
    FaultFailed,
    Interrupted,
    LeaseLost,
    StackUnreachable,
    UndoFailed,
)
from chaos.verdict.verdict import Ending


def of(error: ChaosError) -> Ending:
    """The ending; whatever has none of its own means that data is missing."""
    match error:
        case BaselineNotMet() | StackUnreachable():
            return Ending.BASELINE_NOT_MET
        case FaultFailed():
            return Ending.NOT_INJECTED
        case UndoFailed():
            return Ending.UNDO_FAILED
        case LeaseLost():
            return Ending.LEASE_LOST
        case Interrupted(signal_number=signal.SIGINT):
            return Ending.INTERRUPTED
        case Interrupted():
            return Ending.TERMINATED
        case _:
            return Ending.DATA_MISSING
