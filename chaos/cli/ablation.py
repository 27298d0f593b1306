"""What each mechanism is worth: composes the runs with every switch off, and says what came of them."""

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial

from chaos.campaign import ablation_run, artifacts
from chaos.campaign.ablation_run import Plan
from chaos.campaign.runner import Setting
from chaos.cli import run, settling, whose
from chaos.cli.checkout import EXPERIMENTS, ROOT
from chaos.drill.progress import Progress
from chaos.machine.clock import SystemClock
from chaos.machine.interrupts import Interrupts
from chaos.observe import pace
from chaos.report import ablation as shown
from chaos.spec import ablation as table
from chaos.spec import experiment as experiments
from chaos.spec import length

TABLE = ROOT / "chaos" / "ablation.yaml"
PAGE = ROOT / "docs" / "ablation.md"


def ablation(arguments: argparse.Namespace) -> int:
    """Compare them; 0 if every switch was compared and came as the table says."""
    known = whose.vocabulary(None)
    switches = table.read(TABLE, EXPERIMENTS)
    interrupts = Interrupts()
    interrupts.listen("it ends when the present run is undone; a second signal skips waiting for proofs")
    target = whose.target_of(None, Progress(), interrupts, whole=True)
    run.assert_free(target.state_folder)
    # Whatever is up is brought up anew by the next run that is told something else: only a live run is waited for.
    back = settling.settle(target, interrupts)

    def longest(name: str) -> float:
        experiment = experiments.read(experiments.find(EXPERIMENTS, name), known)
        at = pace.of(target, experiment, SystemClock())
        return length.longest(experiment.at(at), at)

    def setting(told: Mapping[str, str]) -> Setting:
        return Setting(ablation_run.command(told), target.runs_folder, longest, back)

    say: Callable[[str], None] = partial(print, file=sys.stderr, flush=True)
    plan = Plan(switches, tuple(arguments.only), ROOT, setting)
    folder, found = ablation_run.run(plan, target.runs_folder, interrupts, say)
    if found.complete and not arguments.only:
        PAGE.write_text(shown.markdown(found))
    print(*(shown.line(one) for one in found.compared), sep="\n")
    page = artifacts.shown(folder / ablation_run.PAGE_FILE)
    print(f"stormdrill: {len(found.compared)} of {len(found.planned)} switches compared, report {page}")
    return 0 if found.holds else 1
