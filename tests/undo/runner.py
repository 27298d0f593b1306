"""A runner that only holds: lease, undo records and faults as in a drill, without load, observers or verdict.

`python -m tests.undo.runner TARGET RUN_ID FAULTS`, faults as JSON. Prints IN_PLACE once every one is proven, and holds
them until it is killed.
"""

import argparse
import io
import time
from pathlib import Path

import msgspec

from chaos.control.of_target import control_of
from chaos.drill.attack import Attack
from chaos.drill.context import RunContext
from chaos.drill.progress import Progress
from chaos.faults.hands import System
from chaos.machine.interrupts import Interrupts
from chaos.spec import target as targets
from chaos.spec import values
from chaos.spec.experiment import Experiment, Staged
from chaos.spec.faults.table import AnyFault
from chaos.spec.values import Duration
from chaos.undo.lease import Heartbeat

IN_PLACE = "in place"
LONGEST_SECONDS = 120.0


class _OfAnIdleStack(Attack):
    """There is no load: whether anybody would meet the faults is not asked."""

    def watch(self):
        """Nobody is."""


class _Forgetful:
    """A recorder that keeps nothing."""

    def write(self, _):
        """Forget it."""


def main() -> None:
    """Inject, say so, and hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("run_id")
    parser.add_argument("faults")
    arguments = parser.parse_args()
    first, *others = msgspec.convert(msgspec.json.decode(arguments.faults), list[AnyFault], dec_hook=values.decode)
    target = targets.read(arguments.target)
    run_id = arguments.run_id
    experiment = Experiment(
        "held", "nothing", first, [], Duration.parse("5s"), also=[Staged(fault) for fault in others]
    )
    system = System(target, control_of(target))
    context = RunContext(run_id, "held", system, _Forgetful(), Interrupts(), Progress(io.StringIO()))
    context.lease.acquire(run_id, LONGEST_SECONDS)
    with Heartbeat(context.lease, run_id):
        attack = _OfAnIdleStack(experiment, context)
        attack.check()
        attack.begin({})
        attack.go_on()
        print(IN_PLACE, flush=True)
        while True:
            time.sleep(0.5)
            attack.go_on()


if __name__ == "__main__":
    main()
