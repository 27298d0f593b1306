"""The lease: one runner at a time, and proof to the watchdog that it is alive.

The runner renews it every second, in its place, so that nobody's disk is waited for. When it runs out, the watchdog
revokes it and undoes the run; a runner that wakes up later finds it revoked. CLOCK_BOOTTIME counts, so time asleep
counts too.
"""

import contextlib
import os
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec

from chaos.errors import LeaseLost, RunInProgress
from chaos.machine import process_identity, remembered
from chaos.machine.clock import Clock
from chaos.machine.durable import open_private, replace
from chaos.machine.lock import LockBusy, locked
from chaos.machine.process_identity import Child

DURATION_SECONDS = 5.0
RENEW_EVERY_SECONDS = 1.0
ENDS_WITHIN_SECONDS = 5.0
"""For so long the end of a runner is waited for that was ended."""
_LENGTH = 512
_READ_AT_MOST = 5
"""So often one that does not fit its sum is read again: writing it over takes microseconds."""
End: TypeAlias = Callable[[Child, float], bool]
"""Ends a process, and says whether it was seen dead within so many seconds."""


class Lease(msgspec.Struct, frozen=True):
    """What the lease file says; what another release says beside it does not matter here."""

    run_id: str
    pid: int
    boot_id: str
    """The boot that the times below count from: after another one the lease is void."""
    expires_boottime: float
    """CLOCK_BOOTTIME after which the watchdog undoes the run."""
    ends_boottime: float
    """CLOCK_BOOTTIME beyond which it cannot be renewed, so that a runner that hangs is undone too."""
    revoked: bool = False
    started: int = 0
    """When the runner's process began, in ticks since the boot; 0 in leases of earlier releases."""
    pids: str = ""
    """Whose pids these are: containers that share a state folder each have their own."""
    check: int = 0
    """CRC-32 of the rest: one that is read while it is renewed may be half the old one. 0: an earlier release's."""

    @property
    def runner(self) -> Child:
        """Whose it is."""
        return Child(self.pid, self.started, self.boot_id)


class LeaseFile:
    """The lease of one stack, in its state folder."""

    def __init__(self, state: Path, clock: Clock) -> None:
        self._file = state / "lease.json"
        self._lock = state / "lease.lock"
        self._clock = clock
        self._trouble = ""

    def read(self) -> Lease | None:
        """The lease, expired or not; None when nobody holds one.

        One that cannot be read, as after a power cut, is void: it would stop everybody until a human removes it. Where
        the file may not be looked at, it is what it was when it last could be.
        """
        for _ in range(_READ_AT_MOST):
            content = remembered.read(self._file)
            if content is None:
                return None
            with contextlib.suppress(msgspec.DecodeError):
                lease = msgspec.json.decode(content, type=Lease)
                if lease.check in (0, _check(lease)):
                    return lease
        return None

    def live(self) -> Lease | None:
        """The lease of a runner that is alive; None when there is none."""
        lease = self.read()
        return lease if lease is not None and not lease.revoked and not self._ran_out(lease) else None

    def acquire(self, run_id: str, longest_seconds: float) -> None:
        """Take the lease. Raises RunInProgress while another runner's is live, or its file is kept for 5 s."""
        try:
            with locked(self._lock, DURATION_SECONDS, private=True):
                self._acquire(run_id, longest_seconds)
        except LockBusy as busy:
            raise RunInProgress(f"{busy}: end that one") from busy

    def _acquire(self, run_id: str, longest_seconds: float) -> None:
        if other := self.live():
            who = f"run {other.run_id} (pid {other.pid})"
            raise RunInProgress(f"{who} is in progress on this stack: wait for it, or end it with Ctrl-C")
        if not self.fence():
            raise RunInProgress("the runner before this one hangs and cannot be ended: end it, or reboot")
        now = self._clock.boottime()
        runner = process_identity.of_pid(os.getpid())
        until, ends = now + DURATION_SECONDS, now + longest_seconds
        pids = process_identity.namespace()
        self._write(Lease(run_id, runner.pid, self._clock.boot_id(), until, ends, started=runner.started, pids=pids))

    def renew(self, run_id: str) -> None:
        """Prolong it. Raises LeaseLost when it is revoked, expired, another's, past its end, or kept for 5 s.

        One that cannot be written, as on a full disk, runs out unless it can be the next time; `assert_held` says so at
        once.
        """
        try:
            with locked(self._lock, DURATION_SECONDS, private=True):
                lease = self._held(run_id)
                until = min(self._clock.boottime() + DURATION_SECONDS, lease.ends_boottime)
                self._write_over(msgspec.structs.replace(lease, expires_boottime=until))
                self._trouble = ""
        except LockBusy as busy:
            raise LeaseLost(str(busy)) from busy
        except OSError as error:
            self._trouble = str(error)

    def assert_held(self, run_id: str) -> None:
        """Raises LeaseLost when the run no longer holds it, or soon will not; to be called before every effect."""
        self._held(run_id)
        if self._trouble:
            raise LeaseLost(f"the lease of run {run_id} cannot be renewed: {self._trouble}")

    def lapsed(self) -> Lease | None:
        """The lease of a runner that must not act any more: it ran out, or was revoked; None when there is none."""
        lease = self.read()
        return lease if lease is not None and (lease.revoked or self._ran_out(lease)) else None

    def fence(self, end: End = process_identity.end) -> bool:
        """End a runner whose lease lapsed, as it may wake up and act; returns whether nobody can any more.

        To be called before its run is undone by somebody else. Takes ENDS_WITHIN_SECONDS at most.
        """
        lapsed = self.lapsed()
        if lapsed is None:
            return True
        try:
            # What lapsed in this very process is over: who asks is the one that acts here.
            if process_identity.of_pid(os.getpid()) == lapsed.runner:
                return True
            return _can_be_told_dead(lapsed) and end(lapsed.runner, ENDS_WITHIN_SECONDS)
        except OSError:
            # Another user's, say: who cannot be ended or looked at may wake up.
            return False

    def revoke(self, lease: Lease) -> None:
        """Note that its runner was undone. Raises OSError where that cannot be written; it is void all the same."""
        try:
            with locked(self._lock, DURATION_SECONDS, private=True):
                self._revoke(lease)
        except LockBusy:
            # Whoever keeps it stands still in there.
            self._revoke(lease)

    def _revoke(self, lease: Lease) -> None:
        if self.read() == lease:
            self._write(msgspec.structs.replace(lease, revoked=True))

    def release(self, run_id: str) -> None:
        """Give it back; does nothing when it is no longer this run's. One that cannot be given back runs out."""
        with contextlib.suppress(LockBusy, OSError), locked(self._lock, DURATION_SECONDS, private=True):
            lease = self.read()
            if lease is not None and lease.run_id == run_id:
                self._file.unlink()

    def _ran_out(self, lease: Lease) -> bool:
        return lease.boot_id != self._clock.boot_id() or lease.expires_boottime <= self._clock.boottime()

    def _held(self, run_id: str) -> Lease:
        lease = self.live()
        if lease is None or lease.run_id != run_id:
            raise LeaseLost(f"the lease of run {run_id} ran out; the watchdog undoes the run")
        return lease

    def _write(self, lease: Lease) -> None:
        # Not durable: after a crash of the machine it is void.
        replace(self._file, _encoded(lease), durable=False, private=True)

    def _write_over(self, lease: Lease) -> None:
        # In its place: a file that takes another's name has to have its content on its way to the disk first, and waits
        # behind whoever floods that. With four queries of Postgres that spilled, it waited 3 s; this, 7 ms.
        content = _encoded(lease)
        descriptor = open_private(self._file, os.O_WRONLY)
        try:
            if os.fstat(descriptor).st_size == len(content):
                os.pwrite(descriptor, content, 0)
                return
        finally:
            os.close(descriptor)
        self._write(lease)


def _check(lease: Lease) -> int:
    # By name, as a later release may know more.
    runner = (lease.run_id, lease.pid, lease.started, lease.pids)
    until = (lease.boot_id, lease.expires_boottime, lease.ends_boottime, lease.revoked)
    return zlib.crc32(msgspec.json.encode((runner, until))) or 1


def _encoded(lease: Lease) -> bytes:
    # As long as the one before, of which nothing may be left behind it, though its numbers have other digits. The sum
    # comes first, so that it is there whatever of the rest is already written.
    return msgspec.json.encode({"check": 0} | msgspec.structs.asdict(lease) | {"check": _check(lease)}).ljust(_LENGTH)


def _can_be_told_dead(lapsed: Lease) -> bool:
    """Whether a process of ours that is not there is a sign of its end."""
    if lapsed.pids not in ("", process_identity.namespace()):
        return False
    return lapsed.started != 0 or not process_identity.exists(lapsed.pid)


class Heartbeat:
    """Renews a lease from a thread of its own until it is stopped or the lease is lost."""

    def __init__(self, lease: LeaseFile, run_id: str) -> None:
        self._lease = lease
        self._run_id = run_id
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        # A lost lease is not reported from here: whoever is about to act asks `assert_held`.
        with contextlib.suppress(LeaseLost):
            while not self._stop.wait(RENEW_EVERY_SECONDS):
                self._lease.renew(self._run_id)
