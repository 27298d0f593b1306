"""Counts what became of the requests of one stage, and makes a fact of it."""

from collections import Counter, defaultdict
from collections.abc import Callable

from chaos.facts.claims import histogram
from chaos.facts.claims.facts import LoadSeen, SecondSeen
from chaos.load.open_loop.connection import Answer, Pending
from chaos.load.open_loop.job import Job


class Tally:
    """Of one stage; all times are on the monotonic clock, in seconds."""

    def __init__(self, job: Job, stage: int, began: float) -> None:
        self._job, self._stage, self.began = job, stage, began
        self._latencies: Counter[int] = Counter()
        self._service: Counter[int] = Counter()
        self._lag: Counter[int] = Counter()
        self._by_tag: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._seconds: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self._failed: Counter[str] = Counter()
        self._failed_in: Counter[int] = Counter()
        self._body_bytes = self._head_bytes = self.sent = 0
        self._over_at = began
        self._tag = _reader(job.tag_header)

    def late(self, seconds: float) -> None:
        """So late the process was itself."""
        self._lag[histogram.bucket(seconds)] += 1

    def answered(self, pending: Pending, answer: Answer, now: float) -> None:
        """An answer came back whole; one that says 400 or more is a failure."""
        self._body_bytes += answer.body_bytes
        self._head_bytes += answer.head_bytes
        if answer.status >= 400:
            self.failed(pending.due, f"status {answer.status}", now)
            return
        took = histogram.bucket(now - pending.due)
        self._over_at = max(self._over_at, now)
        self._latencies[took] += 1
        self._service[histogram.bucket(now - pending.sent)] += 1
        self._seconds[int(pending.due - self.began)][took] += 1
        if self._tag is not None:
            self._by_tag[self._tag(answer.head)][took] += 1

    def failed(self, due: float, why: str, now: float) -> None:
        """A request that was due was not answered as it should."""
        self._over_at = max(self._over_at, now)
        self._failed[why] += 1
        self._failed_in[int(due - self.began)] += 1

    def fact(self, cpu_seconds: float, connections: int) -> LoadSeen:
        """All of it."""
        job, stage = self._job, self._job.profile[self._stage]
        origin = job.origin
        return LoadSeen(
            at=self._over_at - origin,
            labels=job.labels,
            profile=job.name,
            stage=self._stage,
            began=self.began - origin,
            seconds=stage.for_.in_seconds,
            lasted=max(self._over_at - self.began, 1e-9),
            sent=self.sent,
            answered=sum(self._latencies.values()),
            failed=dict(self._failed),
            latencies=sorted(self._latencies.items()),
            service=sorted(self._service.items()),
            by_tag={tag: sorted(times.items()) for tag, times in sorted(self._by_tag.items())},
            lag=sorted(self._lag.items()),
            cpu_seconds=cpu_seconds,
            connections=connections,
            body_bytes=self._body_bytes,
            head_bytes=self._head_bytes,
            closed=stage.closed,
            per_second=[self._second(number) for number in sorted(self._seconds.keys() | self._failed_in.keys())],
        )

    def _second(self, number: int) -> SecondSeen:
        times = sorted(self._seconds[number].items())
        p50, p99, longest = (histogram.quantile(times, share) for share in (0.5, 0.99, 1.0))
        return SecondSeen(number, histogram.count(times), self._failed_in[number], p50, p99, longest)


def _reader(headers: str) -> Callable[[bytes], str] | None:
    """What reads headers' values, with commas between, from an answer's head in small letters."""
    if not headers:
        return None
    begins = [f"\r\n{name.strip().lower()}: ".encode() for name in headers.split(",")]
    return lambda head: ",".join(_value(head, one) for one in begins)


def _value(head: bytes, begins: bytes) -> str:
    at = head.find(begins)
    if at < 0:
        return ""
    at += len(begins)
    return head[at : head.find(b"\r\n", at)].decode("latin-1")
