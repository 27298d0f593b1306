"""The last phase: what every witness is asked when the fault is undone and the steady state is back.

Prometheus is asked beside the shop and Jaeger: neither waits for the other's servers, and nobody is measured any more.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from chaos.drill.context import RunContext
from chaos.drill.plan import Plan
from chaos.drill.users import Users
from chaos.judge import window
from chaos.observe.observers import Observers


def collect(plan: Plan, context: RunContext, observers: Observers, users: Users, when_asked: Callable[[], None]) -> int:
    """Ask all of them and end the load; how many orders and sessions were read back.

    `when_asked` is called, on a thread of its own, once Prometheus will be asked nothing more. Raises what
    `context.act` and the reading back raise, and SignalUnavailable when the recording cannot be written; what was begun
    ends first.
    """
    observers.stop()
    observers.compare_clocks()
    observers.ask_alerts(context.now())
    observers.ask_history(plan.experiment, 0.0, context.now())
    context.act()
    context.journal.replay(context.system, context.clock, only=context.owns)
    now = context.now()

    def of_prometheus() -> None:
        observers.ask_panels(plan.panels, plan.experiment.fault, now)
        when_asked()

    with ThreadPoolExecutor(1, "panels") as beside:
        asked = beside.submit(of_prometheus)
        read_back = users.read_back(context.interrupts.check)
        # Last, as spans leave a service a second after their request.
        observers.ask_traces(window.of(context.recorder.live), context.now())
        asked.result()
    return read_back
