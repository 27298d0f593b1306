"""The requests of a load as they go over the wire."""

import itertools
import random
import uuid
from collections.abc import Iterator

from chaos.load.open_loop.job import Asked, Job

_NUMBER = b"%N%"
_DRAWN_AT_ONCE = 4096


def wires(job: Job) -> Iterator[bytes]:
    """Without end: what the job asks for, in turn or drawn by weight; the same for the same seed, numbers aside."""
    templates = [_template(job, asked) for asked in job.requests]
    places = itertools.cycle(range(len(templates))) if job.in_turn else _drawn(job)
    # What was asked in an earlier run must not be taken for a repetition of it.
    prefix = uuid.uuid4().hex[:12]
    for number, place in enumerate(places):
        template = templates[place]
        yield template.replace(_NUMBER, f"{prefix}{number}".encode()) if _NUMBER in template else template


def _drawn(job: Job) -> Iterator[int]:
    chance = random.Random(job.seed)
    total = list(itertools.accumulate(asked.weight for asked in job.requests))
    while True:
        yield from chance.choices(range(len(total)), cum_weights=total, k=_DRAWN_AT_ONCE)


def _template(job: Job, asked: Asked) -> bytes:
    body = asked.body.encode()
    headers = {"Host": f"{job.host}:{job.port}"} | asked.headers
    if body or asked.method not in ("GET", "HEAD"):
        # A number in the body has another length than its place.
        assert _NUMBER not in body, "numbers stand in path and headers"
        headers["Content-Length"] = str(len(body))
    lines = [f"{asked.method} {asked.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body
