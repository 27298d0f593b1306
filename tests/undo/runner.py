"""A runner that only holds: lease, undo records and faults as in a drill, without load, observers or verdict.

`python -m tests.undo.runner TARGET RUN_ID FAULTS`, faults as JSON. Prints IN_PLACE once every one is proven, and holds
them until it is killed.
"""

import argparse
import time
from pathlib import Path

import msgspec

from chaos.control.of_target import control_of
from chaos.drill.attack import Attack, RunContext
from chaos.faults.hands import System
from chaos.machine.clock import SystemClock
from chaos.spec import target as targets
from chaos.spec import values
from chaos.spec.experiment import Experiment, Staged
from chaos.spec.faults.table import AnyFault
from chaos.spec.values import Duration
from chaos.undo.journal import UndoJournal
from chaos.undo.lease import Heartbeat, LeaseFile

IN_PLACE = "in place"
LONGEST_SECONDS = 120.0


def main() -> None:
    """Inject, say so, and hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("run_id")
    parser.add_argument("faults")
    arguments = parser.parse_args()
    first, *others = msgspec.convert(msgspec.json.decode(arguments.faults), list[AnyFault], dec_hook=values.decode)
    target = targets.read(arguments.target)
    clock, lease = SystemClock(), LeaseFile(target.state_folder, SystemClock())
    journal, run_id = UndoJournal(target.state_folder), arguments.run_id
    experiment = Experiment(
        "held", "nothing", first, [], Duration.parse("5s"), also=[Staged(fault) for fault in others]
    )
    hands = RunContext(
        System(target, control_of(target)),
        journal,
        clock,
        lambda fault: journal.register(run_id, "held", fault),
        act=lambda: lease.assert_held(run_id),
        lease_held=lambda: lease.assert_held(run_id),
        now=clock.monotonic,
        write=lambda fact: None,
        waits=lambda what: time.sleep(0.05),
    )
    lease.acquire(run_id, LONGEST_SECONDS)
    with Heartbeat(lease, run_id):
        attack = Attack(experiment, hands)
        attack.check()
        attack.begin(None)
        attack.go_on()
        print(IN_PLACE, flush=True)
        while True:
            time.sleep(0.5)
            attack.go_on()


if __name__ == "__main__":
    main()
