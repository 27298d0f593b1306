"""Runs a build in the background, and has it stand still for as long as any run asks for that.

usage: background.py PREFIX COMMAND...

Of the standard library alone, as the environment may not be there yet. It is asked, and answers, by locks of three
files, which end with their process, however that ends:

PREFIX.building  held by who began this, and by every process of the build: it is not over;
PREFIX.halt      held, shared, by each run: let the build stand still;
PREFIX.going     held while the build may take CPU: a run that has got it as well, shared, knows that it stands still.

So nobody has to continue what a run that died had stopped: its lock is gone, and this program sees that. Where it is
this program that dies meanwhile, the kernel does it: a process group that is left without anybody who could continue
it gets SIGHUP and SIGCONT. That ends the build, and the next set-up begins it anew with what Go's cache has of it.
"""

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys

LOOK_EVERY_SECONDS = 0.1


def main() -> int:
    """Run it to its end; its exit code."""
    prefix, *command = sys.argv[1:]
    halt, going = (os.open(f"{prefix}.{name}", os.O_RDWR | os.O_CREAT, 0o644) for name in ("halt", "going"))
    # Every process of the build has it: where this one is killed, it is held for as long as they go on.
    os.set_inheritable(going, True)
    fcntl.flock(going, fcntl.LOCK_EX)  # waits while a run is on its way
    # A group of its own in this session: only so it is an orphaned one without us.
    build = subprocess.Popen(command, close_fds=False, process_group=0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: _end(build.pid, number))
    stands, ended = False, os.pidfd_open(build.pid)
    while not select.select([ended], [], [], LOOK_EVERY_SECONDS)[0]:
        if not stands and _is_held(halt):
            _signal(build.pid, signal.SIGSTOP)
            fcntl.flock(going, fcntl.LOCK_UN)
            stands = True
        elif stands and not _is_held(halt) and _taken(going):
            _signal(build.pid, signal.SIGCONT)
            stands = False
    return build.wait()


def _end(group: int, number: int) -> None:
    _signal(group, number)
    _signal(group, signal.SIGCONT)
    sys.exit(128 + number)


def _signal(group: int, number: int) -> None:
    # It is our child and not waited for yet, so that its number is nobody else's.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _is_held(lock: int) -> bool:
    if not _taken(lock):
        return True
    fcntl.flock(lock, fcntl.LOCK_UN)
    return False


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
