"""Measures claims one after the other, each into a folder of its own."""

import contextlib
import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from chaos.claims.bench import Bench
from chaos.claims.stack import Stacks
from chaos.claims.table import Measuring
from chaos.errors import ChaosError, Interrupted
from chaos.facts.claims.facts import COMPLETED, BusySeen, ClaimStarted, LimitSeen
from chaos.facts.claims.recording import ClaimRecorder
from chaos.machine import limits
from chaos.machine.interrupts import Interrupts
from chaos.spec.claims import claim as claims

_LOOK_SECONDS = 2.0
_MOST_LOOKS = 5


@dataclass(frozen=True, slots=True)
class Setting:
    """What all claims of one command share."""

    measuring: Mapping[str, Measuring]
    stacks: Stacks
    interrupts: Interrupts
    revision: tuple[str, bool]
    deviation: str = ""


def measure(file: Path, folder: Path, setting: Setting) -> None:
    """Measure one claim into the folder. Raises Interrupted when it was ended by a signal, and records that too.

    Whatever else keeps it from being measured is recorded: its verdict is inconclusive and says why.
    """
    claim = claims.read(file)
    recorder = ClaimRecorder(folder, file)
    bench = Bench(claim, folder, recorder, setting.stacks, setting.interrupts, setting.deviation)
    revision, dirty = setting.revision
    recorder.write(ClaimStarted(0.0, file.stem, time.time(), revision, dirty, machine(), setting.deviation))
    how, detail = "a defect of ours", ""
    try:
        for limit in limits.limits():
            bench.write(LimitSeen(bench.now, limit.name, limit.value, limit.how))
        bench.write(_busy(bench))
        setting.measuring[file.stem](bench)
        how = COMPLETED
    except Interrupted as error:
        how, detail = "interrupted", str(error)
        raise
    except (ChaosError, OSError) as error:
        how, detail = "could not be measured", f"{type(error).__name__}: {error}"
    finally:
        # A disk that takes nothing any more must not hide why it ended.
        with contextlib.suppress(ChaosError):
            recorder.end(bench.now, how, detail)
    if how != COMPLETED:
        # What it did to the stack may not be undone, and must not be in what the next claim measures. One that does
        # not go down keeps the next from coming up, which is said there.
        with contextlib.suppress(ChaosError):
            setting.stacks.down()


def machine() -> str:
    """What this machine is, for people."""
    model = next((line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")), "")
    cores = f"{len(psutil.Process().cpu_affinity())} cores {model}".strip()
    return f"{cores}, {psutil.virtual_memory().total / 2**30:.0f} GiB, Linux {platform.release()}"


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []


def _busy(bench: Bench) -> BusySeen:
    """How many cores are busy while we do nothing; looked at again while it is too many: what ends takes a while."""
    least = min(_looks(bench.interrupts, bench.claim.busy_cores))
    return BusySeen(bench.now, least, _LOOK_SECONDS)


def _looks(interrupts: Interrupts, most: float) -> Iterator[float]:
    for _ in range(_MOST_LOOKS):
        before, began = psutil.cpu_times(), time.monotonic()
        interrupts.wait(_LOOK_SECONDS)
        after, seconds = psutil.cpu_times(), time.monotonic() - began
        idle = (after.idle + after.iowait) - (before.idle + before.iowait)
        yield (busy := max(0.0, float(psutil.cpu_count() or 1) - idle / seconds))
        if busy <= most:
            return
