"""Lines on their way to stderr: who logs never waits for whoever reads them, and what was lost is counted."""

import atexit
import os
from queue import Empty, SimpleQueue
from threading import Thread

from prometheus_client import CollectorRegistry, Counter

# A line has a few hundred bytes, one with a traceback a few thousand: some megabytes for a reader that hangs.
_MOST_WAITING = 2000
_MOST_AT_ONCE_BYTES = 65536
_ENDS_WITHIN_SECONDS = 1.0


class Lines:
    """A queue of lines and the thread that writes them, as a stream for `logging` and a logger for structlog."""

    def __init__(self, registry: CollectorRegistry, descriptor: int = 2, most_waiting: int = _MOST_WAITING) -> None:
        self._descriptor = descriptor
        self._most_waiting = most_waiting
        self._waiting: SimpleQueue[str | None] = SimpleQueue()
        self._lost = Counter(
            "app_log_lines_lost",
            "Lines that were not written: too many were waiting for a reader of stderr, or the write failed.",
            registry=registry,
        )
        self._thread = Thread(target=self._write_all, name="log lines", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def msg(self, message: str) -> None:
        """Have a line written; never blocks, and never fails who logs."""
        self.write(message + "\n")

    debug = info = warning = error = critical = exception = msg

    def write(self, text: str) -> None:
        """Have a text written that ends its lines itself."""
        if self._waiting.qsize() >= self._most_waiting:
            self._lost.inc()
        else:
            self._waiting.put(text)

    def flush(self) -> None:
        """Do nothing: nobody is to wait."""

    def close(self) -> None:
        """Write what is waiting, for a second at most."""
        atexit.unregister(self.close)
        self._waiting.put(None)
        self._thread.join(_ENDS_WITHIN_SECONDS)

    def _write_all(self) -> None:
        over = False
        while not over:
            texts, size = [], 0
            text = self._waiting.get()
            while text is not None:
                texts.append(text)
                size += len(text)
                if size >= _MOST_AT_ONCE_BYTES:
                    break
                try:
                    text = self._waiting.get_nowait()
                except Empty:
                    break
            over = text is None
            self._write(texts)

    def _write(self, texts: list[str]) -> None:
        left = "".join(texts).encode(errors="replace")
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            # A full disk or a file size limit: the process goes on, and says in its metrics what is missing.
            self._lost.inc(len(texts))
