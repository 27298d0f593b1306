"""Several catalogue runs beside each other, for a terminal: where they do not agree, and how far times spread."""

from collections.abc import Iterable, Sequence

from chaos.verdict import catalogue
from chaos.verdict.catalogue import Catalogue
from chaos.verdict.coverage import by_alert
from chaos.verdict.results import AlertResult

_NEAREST = 10


def agree(runs: Sequence[Catalogue]) -> bool:
    """Whether all of them were run to their ends and say the same of everything."""
    return not any(run.ended_early for run in runs) and not catalogue.differences(runs)


def render(runs: Sequence[Catalogue]) -> str:
    """What differs; then the alerts that came nearest to their windows, over all runs."""
    lines = [f"{run.id}: {_words(run)}, {run.seconds / 60:.1f} min" for run in runs]
    differences = catalogue.differences(runs)
    compared = f"{catalogue.verdicts_compared(runs)} verdicts and {catalogue.outcomes_compared(runs)} alert outcomes"
    lines += ["", f"{len(differences)} differences in {compared}"]
    lines += [f"  {one.what}: {', '.join(one.words)}" for one in differences]
    lines += [f"{run.id} was ended early: {run.ended_early}" for run in runs if run.ended_early]
    nearest = sorted(_used(runs), reverse=True)[:_NEAREST]
    if nearest:
        lines += ["", "Nearest to the end of their windows, over all runs", *(line for _, line in nearest)]
    lines += ["", f"stormdrill: {len(runs)} catalogue runs {'agree' if agree(runs) else 'do not agree'}"]
    return "\n".join(lines) + "\n"


def _words(run: Catalogue) -> str:
    held = sum(entry.held for entry in run.entries)
    return f"{held} of {len(run.planned)} experiments held"


def _used(runs: Sequence[Catalogue]) -> Iterable[tuple[float, str]]:
    """For each window the share of it that was used at most, and the times in words."""
    for (experiment, alert), results in _proven(runs).items():
        for what, times, within in (
            ("delivered", [one.delivered for one in results], results[0].fires_within),
            ("resolved", [one.resolved for one in results], results[0].resolves_within),
        ):
            took = [seconds for seconds in times if seconds is not None]
            if took and within:
                spread = f"{min(took):.2f} to {max(took):.2f} of {within:g} s"
                yield max(took) / within, f"  {max(took) / within:4.0%}  {alert} in {experiment}: {what} {spread}"


def _proven(runs: Sequence[Catalogue]) -> dict[tuple[str, str], list[AlertResult]]:
    found: dict[tuple[str, str], list[AlertResult]] = {}
    for run in runs:
        for entry in run.entries:
            for name, result in by_alert(entry.verdict).items() if entry.verdict else ():
                if result.outcome.value == "proven":
                    found.setdefault((entry.experiment, name), []).append(result)
    return found
