"""The lease: one runner at a time, and proof to the watchdog that it is alive.

The runner renews it every second. When it runs out, the watchdog revokes it and undoes the run; a runner
that wakes up later finds it revoked. CLOCK_BOOTTIME counts, so time asleep counts too.
"""

import contextlib
import os
import threading
from pathlib import Path

import msgspec

from chaos.errors import InvalidFile, LeaseLost, RunInProgress
from chaos.machine.clock import Clock
from chaos.machine.durable import replace
from chaos.machine.lock import LockBusy, locked

DURATION_SECONDS = 5.0
RENEW_EVERY_SECONDS = 1.0


class Lease(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the lease file says."""

    run_id: str
    pid: int
    boot_id: str
    """The boot that the times below count from: after another one the lease is void."""
    expires_boottime: float
    """CLOCK_BOOTTIME after which the watchdog undoes the run."""
    ends_boottime: float
    """CLOCK_BOOTTIME beyond which it cannot be renewed, so that a runner that hangs is undone too."""
    revoked: bool = False


class LeaseFile:
    """The lease of one stack, in its state folder."""

    def __init__(self, state: Path, clock: Clock) -> None:
        self._file = state / "lease.json"
        self._lock = state / "lease.lock"
        self._clock = clock

    def read(self) -> Lease | None:
        """The lease, expired or not; None when nobody holds one. Raises InvalidFile when another release wrote it."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Lease)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            what_to_do = "end the run of the release that wrote it; where none is in progress, remove this file"
            raise InvalidFile(self._file, "", f"{error}: {what_to_do}") from error

    def live(self) -> Lease | None:
        """The lease of a runner that is alive; None when there is none."""
        lease = self.read()
        return lease if lease is not None and not lease.revoked and not self._ran_out(lease) else None

    def acquire(self, run_id: str, longest_seconds: float) -> None:
        """Take the lease. Raises RunInProgress while another runner's is live, or its file is kept for 5 s."""
        try:
            with locked(self._lock, DURATION_SECONDS):
                self._acquire(run_id, longest_seconds)
        except LockBusy as busy:
            raise RunInProgress(f"{busy}: end that one") from busy

    def _acquire(self, run_id: str, longest_seconds: float) -> None:
        if other := self.live():
            who = f"run {other.run_id} (pid {other.pid})"
            raise RunInProgress(f"{who} is in progress on this stack: wait for it, or end it with Ctrl-C")
        now = self._clock.boottime()
        boot_id = self._clock.boot_id()
        self._write(Lease(run_id, os.getpid(), boot_id, now + DURATION_SECONDS, now + longest_seconds))

    def renew(self, run_id: str) -> None:
        """Prolong it. Raises LeaseLost when it is revoked, expired, another's, past its end, or kept for 5 s."""
        try:
            with locked(self._lock, DURATION_SECONDS):
                lease = self._held(run_id)
                until = min(self._clock.boottime() + DURATION_SECONDS, lease.ends_boottime)
                self._write(msgspec.structs.replace(lease, expires_boottime=until))
        except LockBusy as busy:
            raise LeaseLost(str(busy)) from busy

    def assert_held(self, run_id: str) -> None:
        """Raises LeaseLost when the run no longer holds it; to be called before every effect."""
        self._held(run_id)

    def revoke_expired(self) -> Lease | None:
        """Revoke the lease if it has run out; returns it then, None otherwise."""
        try:
            with locked(self._lock, DURATION_SECONDS):
                return self._revoke_expired()
        except LockBusy:
            # Whoever keeps it stands still in there, and must not keep a fault in place by that.
            return self._revoke_expired()

    def _revoke_expired(self) -> Lease | None:
        lease = self.read()
        if lease is None or lease.revoked or not self._ran_out(lease):
            return None
        self._write(msgspec.structs.replace(lease, revoked=True))
        return lease

    def release(self, run_id: str) -> None:
        """Give it back; does nothing when it is no longer this run's. One that cannot be given back runs out."""
        with contextlib.suppress(LockBusy), locked(self._lock, DURATION_SECONDS):
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
        replace(self._file, msgspec.json.encode(lease), durable=False)


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
        with contextlib.suppress(LeaseLost, FileNotFoundError):
            while not self._stop.wait(RENEW_EVERY_SECONDS):
                self._lease.renew(self._run_id)
