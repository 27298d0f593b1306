"""A clean past for the alerts: what outages and pages of before would leave in their windows is gone.

A run makes it before it begins. In a catalogue it is made ahead, while the run before reads its users' ledgers back: a
Prometheus that starts scrapes nothing for five seconds (the discovery manager's pace, which no setting changes).
"""

import contextlib
import os
import subprocess

import msgspec

from chaos.errors import ChaosError, StackUnreachable
from chaos.machine.clock import Clock
from chaos.spec.target import Target

FRESH_SECONDS = 30.0
"""How old a past made ahead may be when a run takes it: what happens between two runs of a catalogue."""
_LONGEST_SECONDS = 60.0
"""Longer than the command's own patience: cut short, it would leave Prometheus down."""


class _Made(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That a past was made ahead, as the state folder says it."""

    boot_id: str
    boottime: float
    """CLOCK_BOOTTIME when both servers were ready again."""
    rules: frozenset[str]
    """The rules that Prometheus evaluated in good health before."""


class CleanPast:
    """The clean past of one target."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._file = target.state_folder / "clean_past.json"

    def make(self) -> None:
        """Run the target's command for it, if there is one. Raises StackUnreachable when that fails."""
        if not self._target.clean_history:
            return
        try:
            subprocess.run(
                self._target.clean_history,
                check=True,
                capture_output=True,
                text=True,
                timeout=_LONGEST_SECONDS,
                cwd=self._target.working_directory,
                env=dict(os.environ),
                start_new_session=True,  # a Ctrl-C must not leave Prometheus without a store
            )
        except subprocess.CalledProcessError as error:
            raise StackUnreachable(f"clean_history failed: {(error.stderr or error.stdout).strip()[-300:]}") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StackUnreachable(f"clean_history failed: {error}") from error

    def made_ahead(self) -> frozenset[str] | None:
        """The rules evaluated before a past that was made ahead; None when there is none or it is not fresh."""
        try:
            made = msgspec.json.decode(self._file.read_bytes(), type=_Made)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        age = self._clock.boottime() - made.boottime
        return made.rules if made.boot_id == self._clock.boot_id() and 0.0 <= age < FRESH_SECONDS else None

    def take(self) -> frozenset[str] | None:
        """As `made_ahead`; whoever takes it spoils it, so there is none afterwards."""
        try:
            return self.made_ahead()
        finally:
            self._file.unlink(missing_ok=True)

    def make_ahead(self, rules: frozenset[str]) -> None:
        """Make it for the run that follows; the caller's run goes on under its lease until it is made.

        `rules`: those that Prometheus evaluated in good health before. Where it fails there is none, and the next run,
        which then makes its own, says why.
        """
        if not self._target.clean_history:
            return
        with contextlib.suppress(ChaosError, OSError):
            self.make()
            made = _Made(self._clock.boot_id(), self._clock.boottime(), rules)
            self._file.write_bytes(msgspec.json.encode(made))
