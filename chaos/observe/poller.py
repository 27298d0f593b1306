"""Looks at every source of evidence again and again, each from a thread of its own, until told to stop."""

import threading
import time
from collections.abc import Callable, Iterable

from chaos.facts.any_fact import AnyFact
from chaos.facts.processes import PollFailed
from chaos.facts.recorder import Recorder

Poll = Callable[[float], Iterable[AnyFact]]


class Poller:
    """The observers of one run; `origin` is the run's start on the monotonic clock."""

    def __init__(self, recorder: Recorder, origin: float, every_seconds: float, polls: Iterable[Poll]) -> None:
        self._recorder = recorder
        self._every_seconds = every_seconds
        self._origin = origin
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._poll, args=(look,), daemon=True) for look in polls]

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Look once more and end; safe to repeat."""
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _poll(self, look: Poll) -> None:
        last = False
        while not last:
            # Asked before the look: what happened until `stop` was called is still seen.
            last = self._stop.wait(self._every_seconds)
            at = time.monotonic() - self._origin
            try:
                for fact in look(at):
                    self._recorder.write(fact)
            except Exception as error:  # an answer that nobody expected must not end the watch unseen
                self._recorder.write(PollFailed(at, f"{type(error).__name__}: {error}"))
