"""The process manager as a witness: which instance runs."""

from chaos.control.port import ProcessControl
from chaos.errors import SignalUnavailable
from chaos.facts.processes import ProcessesSeen


class Processes:
    """The processes of one stack; says something only when a state has changed."""

    def __init__(self, control: ProcessControl) -> None:
        self._control = control
        self._last: dict[str, str] = {}

    def look(self, at: float) -> ProcessesSeen | None:
        """The states that changed since the last look; None when none did, or the manager gave no answer."""
        try:
            states = {name: state.state for name, state in self._control.states().items()}
        except SignalUnavailable:
            return None
        changed = {name: state for name, state in states.items() if self._last.get(name) != state}
        self._last = states
        return ProcessesSeen(at, changed) if changed else None
