"""Deletes the keys with a prefix on every master of a Redis Cluster, again and again."""

import time
from typing import Any

import redis

from chaos.agents.job import Job
from chaos.reach import redis_cluster

_REPORT_EVERY_SECONDS = 0.5


def run(job: Job) -> None:
    """Until the job shall end; a node that does not answer is passed over, and looked for again."""
    clients = {address: redis_cluster.connect(address) for address in job.arguments["nodes"]}
    pattern = redis_cluster.pattern(job.arguments["prefix"])
    deleted, masters, told_at = 0, 0, 0.0
    while not job.stopped:
        answers = [_flush(client, pattern) for client in clients.values()]
        masters = sum(answer is not None for answer in answers)
        deleted += sum(filter(None, answers))
        if time.monotonic() - told_at >= _REPORT_EVERY_SECONDS:
            job.report(masters > 0, f"{deleted} cached entries deleted on {masters} masters")
            told_at = time.monotonic()
        job.wait(job.arguments["every_seconds"])


def _flush(client: Any, pattern: str) -> int | None:
    """How many were deleted; None where the node is no master, or does not answer."""
    try:
        role = client.execute_command("ROLE")[0]
        if role not in (b"master", "master"):
            return None
        return redis_cluster.delete(client, pattern)
    except redis.RedisError:
        return None
