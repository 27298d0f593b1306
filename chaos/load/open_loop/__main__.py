"""`python -m chaos.load.open_loop JOB OUT`: one load; what was seen goes into OUT, one JSON object a line."""

import asyncio
import gc
import signal
import sys
from pathlib import Path

import msgspec
import uvloop

from chaos.load.open_loop.client import Client, NotOpened
from chaos.load.open_loop.job import Job
from chaos.machine.limits import raise_open_files
from chaos.spec.claims import profile
from chaos.spec.values import decode

_BESIDE_SECONDS = 120
"""For opening its connections."""


def main() -> int:
    """Run it to its end; 3 where connections cannot be opened."""
    job = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job, dec_hook=decode)
    # If all else hangs, the kernel ends this process: SIGALRM's default action, no handler of ours.
    signal.alarm(int(profile.seconds(job.profile) + job.timeout_seconds) + _BESIDE_SECONDS)
    raise_open_files()
    # A collection would stop the clock's owner in the middle of a measurement; there are no cycles here to find.
    gc.disable()
    with Path(sys.argv[2]).open("wb", buffering=0) as out:

        def say(value: object) -> None:
            out.write(msgspec.json.encode(value) + b"\n")

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                seen = runner.run(Client(job).run(lambda began: say({"began": began})))
            except NotOpened as error:
                print(error, file=sys.stderr)
                return 3
        for one in seen:
            say(one)
        say({"ended": len(seen)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
