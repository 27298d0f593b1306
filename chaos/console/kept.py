"""Answers that are asked for once for all who want them."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Each answer is good for so many seconds; who asks while it is fetched waits for that one."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._now = seconds, now
        self._lock = threading.Lock()
        self._locks: dict[object, threading.Lock] = {}
        self._answers: dict[object, tuple[float, T]] = {}

    def get(self, key: object, fetch: Callable[[], T]) -> T:
        """The answer to this; raises what `fetch` raises, and keeps nothing then."""
        with self._lock:
            own = self._locks.setdefault(key, threading.Lock())
        with own:
            at, answer = self._answers.get(key, (0.0, None))
            if answer is None or self._now() - at > self._seconds:
                answer = fetch()
                self._answers[key] = (self._now(), answer)
            return answer
