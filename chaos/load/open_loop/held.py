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
            seen = runner.run(_hold(job, lambda said: out.write(msgspec.json.encode(said) + b"\n")))
        for one in seen:
            out.write(msgspec.json.encode(one) + b"\n")
        out.write(msgspec.json.encode({"ended": len(seen)}) + b"\n")
    return 0


async def _hold(job: HeldJob, say: Callable[[dict[str, object]], object]) -> list[LoadSeen]:
    client = HeldClient(job)

    def next_phase() -> None:
        client.next_phase()
        # Two signals in a row are one: whoever sends the next waits for this.
        say({"begun": client.phases_begun})

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, next_phase)
    # Whoever sends a signal before this would end us.
    say({"ready": True})
    return await client.run()


if __name__ == "__main__":
    sys.exit(main())
