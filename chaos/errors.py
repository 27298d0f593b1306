"""All exceptions of the engine. They mean "we could not find out"; a refuted claim is a result, not one of these.

ChaosError
├── InvalidFile            an experiment or target file is wrong          exit 2
├── RunInProgress          another runner holds the lease                 exit 2
├── NeedsCheckout          only a checkout of Stormdrill can do that      exit 2
├── NotInstalled           a library is missing that few need             exit 2
├── StackUnreachable       the target does not answer as it should        exit 3
├── BaselineNotMet         the steady state did not hold before the fault exit 3
├── FaultFailed            the fault is not in place, or without effect   exit 4
│   └── FaultGone          it was in place, and somebody took it away
├── UndoFailed             something could not be put back                exit 5
├── GameRefused            a game day's table does not take that          exit 2
├── Unmeasurable           nobody here can look at how much it is used   no exit
├── SignalUnavailable      a source of evidence does not answer           exit 6
│   └── NoSuchApi          it answers, and has nothing at that path
├── LeaseLost              the watchdog took over while we slept          exit 6
└── Interrupted            Ctrl-C or SIGTERM; everything was undone       exit 130 or 143
"""

from pathlib import Path


class ChaosError(Exception):
    """Base of all errors of the engine."""


class InvalidFile(ChaosError):
    """A file that the user wrote cannot be used."""

    def __init__(self, file: Path, path: str, reason: str, line: int | None = None) -> None:
        self.file = file
        self.path = path
        """Where in the file, such as `steady_state[0].query`; empty for the file as a whole."""
        self.reason = reason
        self.line = line
        """1-based; None where the reason has no place of its own."""
        place = f"{file}:{line}" if line else str(file)
        super().__init__(": ".join(part for part in (place, path, reason) if part))


class RunInProgress(ChaosError):
    """Another run holds the stack's lease."""


class NeedsCheckout(ChaosError):
    """What is asked for is about our own stack, which the installed package does not bring."""


class NotInstalled(ChaosError):
    """A library is missing that an extra of the package installs; the message says by which command."""


class StackUnreachable(ChaosError):
    """The target cannot be attacked as it is."""


class BaselineNotMet(ChaosError):
    """The steady state does not hold without any fault; nothing was injected."""


class FaultFailed(ChaosError):
    """The fault could not be put in place or was found to have gone."""


class FaultGone(FaultFailed):
    """The fault was in place, and went away while it was to be held."""

    def __init__(self, staged: int | None, detail: str) -> None:
        self.staged = staged
        """Which of the experiment's staged faults; None: the main one."""
        super().__init__(f"the fault went away while it was to be held: {detail}")


class UndoFailed(ChaosError):
    """What the run changed could not be put back."""

    def __init__(self, failures: list[str], by_hand: list[str]) -> None:
        self.failures = failures
        self.by_hand = by_hand
        """What a human has to do now, one line each."""
        super().__init__("; ".join(failures))


class GameRefused(ChaosError):
    """What somebody wants to do in a game day's round is not possible; the message says what would be."""


class SignalUnavailable(ChaosError):
    """A source of evidence gave no answer."""


class NoSuchApi(SignalUnavailable):
    """A server has no such API: what speaks Prometheus's language need not have all of it."""


class Unmeasurable(ChaosError):
    """How much something is used cannot be looked at from here."""


class LeaseLost(ChaosError):
    """The lease ran out and the watchdog has undone, or is undoing, this run."""


class Interrupted(ChaosError):
    """The user asked the run to end."""

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(f"signal {signal_number}")
