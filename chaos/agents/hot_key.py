"""A stampede: many readers ask for one product at the same moment, just after its cached entry was deleted."""

import asyncio
from typing import Any

import redis

from chaos.agents.http_users import Counts, User, allow_connections, run_until_ended
from chaos.agents.job import Job
from chaos.reach import redis_cluster


async def _stampede(job: Job, counts: Counts) -> None:
    arguments = job.arguments
    users = [User(arguments["host"], arguments["port"], counts) for _ in range(arguments["readers"])]
    clients = [redis_cluster.connect(address) for address in arguments["nodes"]]
    pattern = redis_cluster.pattern(arguments["prefix"], arguments["product"])
    deleted = rounds = 0
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + arguments["every_seconds"]
        deleted += sum(_delete(client, pattern) for client in clients)
        await asyncio.gather(*(user.get(f"/products/{arguments['product']}") for user in users))
        rounds += 1
        detail = f"{rounds} rushes of {len(users)} readers, {deleted} entries deleted; {counts.in_words()}"
        job.report(counts.failed < counts.asked / 2, detail)
        await asyncio.sleep(max(0.0, due - loop.time()))


def _delete(client: Any, pattern: str) -> int:
    try:
        if client.execute_command("ROLE")[0] not in (b"master", "master"):
            return 0
        return redis_cluster.delete(client, pattern)
    except redis.RedisError:
        return 0  # its keys are out of the readers' reach as well


def run(job: Job) -> None:
    """Until the job shall end."""
    allow_connections(job.arguments["readers"])
    run_until_ended(job, lambda: _stampede(job, Counts()))
