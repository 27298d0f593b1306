"""`python -m chaos.load.open_loop.held JOB OUT`: holds connections; what was seen goes into OUT as lines of JSON."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvloop

from chaos.facts.claims.facts import LoadSeen
from chaos.load.open_loop.held_client import HeldClient
from chaos.load.open_loop.held_job import HeldJob
from chaos.machine.limits import raise_open_files


def main() -> int:
    """Run it to its end."""
    job = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=HeldJob)
    # If all else hangs, the kernel ends this process: SIGALRM's default action, no handler of ours.
    signal.alarm(int(job.at_most_seconds))
    raise_open_files()
    # A collection would stop the clock's owner in the middle of a measurement; there are no cycles here to find.
    gc.disable()
    with Path(sys.argv[2]).open("wb", buffering=0) as out:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            seen = runner.run(_hold(job, lambda: out.write(b'{"ready":true}\n')))
        for one in seen:
            out.write(msgspec.json.encode(one) + b"\n")
        out.write(msgspec.json.encode({"ended": len(seen)}) + b"\n")
    return 0


async def _hold(job: HeldJob, ready: Callable[[], object]) -> list[LoadSeen]:
    client = HeldClient(job)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, client.next_phase)
    # Whoever sends a signal before this would end us.
    ready()
    return await client.run()


if __name__ == "__main__":
    sys.exit(main())
