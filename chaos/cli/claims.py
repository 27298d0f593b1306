"""`stormdrill claims`: measures claims about our own stack, judges them, and writes a page."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from chaos.campaign import revision
from chaos.claims import run
from chaos.claims.run import Setting
from chaos.claims.table import MEASURING
from chaos.cli.claim_stack import OwnStacks
from chaos.cli.stack import ROOT
from chaos.drill.progress import Progress
from chaos.errors import Interrupted, InvalidFile
from chaos.facts import recorder
from chaos.facts.claims import recording
from chaos.judge.claims import judge
from chaos.judge.claims.table import READERS
from chaos.machine.interrupts import Interrupts
from chaos.machine.limits import raise_open_files
from chaos.report.claims import comparison, page, terminal
from chaos.spec.claims import claim as claims
from chaos.verdict.claims import ClaimsVerdict
from chaos.verdict.verdict import ExitCode, Outcome

HYPOTHESES = ROOT / "chaos" / "hypotheses"
EXTREME = HYPOTHESES / "extreme"
"""Those that are to break the machine."""
VERDICT_FILE = "verdict.json"
PAGE_FILE = "index.html"
_LATEST = "latest-claims"
_CODES = {
    Outcome.HELD: ExitCode.HELD,
    Outcome.DEVIATED: ExitCode.DEVIATED,
    Outcome.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}


def measure(arguments: argparse.Namespace) -> int:
    """Measure those that are asked for, in their order; the exit code of the worst verdict."""
    chosen = _chosen(arguments.only, arguments.deviate, EXTREME if arguments.extreme else HYPOTHESES)
    before = _verdict_of(arguments.compare) if arguments.compare else None
    interrupts, progress = Interrupts(), Progress()
    interrupts.listen("the claim in hand is given up, what was measured is judged, and the stack is taken down")
    stacks = OwnStacks(progress.waits, interrupts)
    stacks.assert_free()
    folder = _new_folder(stacks.runs)
    raise_open_files()
    setting = Setting(MEASURING, stacks, interrupts, revision.of(ROOT), arguments.deviate)
    named = f"{setting.revision[0]}{', changed' if setting.revision[1] else ''}"
    print(f"stormdrill: revision {named}; again: {_again(arguments)}", file=sys.stderr)
    return measure_all(chosen, folder, setting, progress, lambda: conclude(folder, before, _again(arguments)))


def measure_all(
    chosen: Sequence[Path], folder: Path, setting: Setting, progress: Progress, concluded: Callable[[], int]
) -> int:
    """On stacks that nobody else has touched; whatever ends it, the stack is taken down and what there is concluded."""
    ended: Interrupted | None = None
    try:
        setting.stacks.begin()
        ended = measured(chosen, folder, setting, progress)
    finally:
        try:
            progress.phase("down")
            setting.stacks.down()
            progress.done("the stack is down")
        finally:
            code = concluded()
    if ended:
        raise ended
    return code


def measured(chosen: Sequence[Path], folder: Path, setting: Setting, progress: Progress) -> Interrupted | None:
    """Measure claims one after the other, and print each verdict; the signal that ended it before its end."""
    for file in chosen:
        progress.phase(file.stem)
        try:
            run.measure(file, folder / file.stem, setting)
        except Interrupted as error:
            return error
        finally:
            progress.done("measured")
        print(terminal.of_claim(judge.judge(file.stem, recording.read(folder / file.stem), READERS[file.stem])))
        print(flush=True)
    return None


def again(folder: Path) -> int:
    """Judge the recordings of an earlier `stormdrill claims` again. Raises InvalidFile."""
    for claim in _judged(folder).claims:
        print(terminal.of_claim(claim), end="\n\n")
    return conclude(folder, None, f"stormdrill report {folder}")


def is_of_claims(folder: Path) -> bool:
    """Whether a folder holds recordings of claims."""
    return any(folder.glob(f"*/{recording.CLAIM_FILE}"))


def validate() -> int:
    """How many claims there are, each with a file that can be read, who measures it and who judges it.

    Raises InvalidFile.
    """
    files = [*claims.files(HYPOTHESES), *claims.files(EXTREME)]
    for file in files:
        for table in (MEASURING, READERS):
            if file.stem not in table:
                raise InvalidFile(file, "", "nobody measures or judges a claim of this name")
    return len(files)


def _chosen(only: list[str], deviation: str, folder: Path = HYPOTHESES) -> list[Path]:
    names = [name for text in only for name in text.split(",") if name]
    all_files = claims.files(folder)
    try:
        chosen = claims.choose(all_files, names)
    except ValueError as error:
        raise InvalidFile(folder, "", str(error)) from error
    if deviation:
        for file in chosen:
            known = claims.read(file).deviations
            if deviation not in known:
                there = "; ".join(f"{name}: {text}" for name, text in known.items())
                raise InvalidFile(file, "deviations", f"none is called {deviation}; there are {there}")
    return chosen


def _new_folder(runs: Path) -> Path:
    wanted = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-claims"
    folder = runs / recorder.free_id(runs, wanted)
    folder.mkdir(parents=True)
    new = runs / f".{_LATEST}-{folder.name}"
    new.symlink_to(folder.name)
    new.replace(runs / _LATEST)
    return folder


def _judged(folder: Path) -> ClaimsVerdict:
    found = [place.parent for place in folder.glob(f"*/{recording.CLAIM_FILE}")]
    judged = [judge.judge(place.name, recording.read(place), READERS[place.name]) for place in found]
    judged.sort(key=lambda one: claims.ORDER.index(one.number))
    return ClaimsVerdict(folder.name, judged)


def conclude(folder: Path, before: ClaimsVerdict | None, command: str) -> int:
    """Judge what was measured, write verdict and page, and print the table; the exit code of the worst verdict."""
    verdict = _judged(folder)
    (folder / VERDICT_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(verdict)) + b"\n")
    (folder / PAGE_FILE).write_text(page.render(verdict, command, before))
    for claim in verdict.claims:
        for number, picture in enumerate(claim.pictures, 1):
            (folder / claim.claim / f"picture-{number}.svg").write_text(page.svg(picture))
    print(terminal.table(verdict))
    if before:
        print(*comparison.lines(before, verdict), sep="\n")
    worst = _worst(verdict)
    print(f"stormdrill: {worst} (exit {_CODES[worst]:d}), page {folder / PAGE_FILE}")
    return _CODES[worst]


def _worst(verdict: ClaimsVerdict) -> Outcome:
    outcomes = {one.outcome for one in verdict.claims}
    for worst in (Outcome.DEVIATED, Outcome.INCONCLUSIVE):
        if worst in outcomes:
            return worst
    return Outcome.HELD if outcomes else Outcome.INCONCLUSIVE


def _verdict_of(folder: Path) -> ClaimsVerdict:
    file = folder / VERDICT_FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=ClaimsVerdict)
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidFile(file, "", f"not the verdict of claims: {error}") from error


def _again(arguments: argparse.Namespace) -> str:
    settings = [f"ONLY={','.join(arguments.only)}"] if arguments.only else []
    settings += [f"DEVIATE={arguments.deviate}"] if arguments.deviate else []
    return " ".join(("make claims-extreme" if arguments.extreme else "make claims", *settings))
