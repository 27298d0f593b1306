"""A catalogue run in Markdown, for the summary page of a CI job."""

from collections.abc import Iterable

from chaos.report import words
from chaos.report.matrix import counts, seconds, started, why_unseen
from chaos.verdict.catalogue import Catalogue, Entry
from chaos.verdict.coverage import Matrix
from chaos.verdict.outcome import AlertOutcome


def render(catalogue: Catalogue, matrix: Matrix) -> str:
    """The whole summary."""
    blocks = [
        _head(catalogue),
        _experiments(catalogue, matrix),
        _open(matrix),
        _alerts(matrix),
        _grid(catalogue, matrix),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _head(catalogue: Catalogue) -> list[str]:
    held = sum(entry.held for entry in catalogue.entries)
    lines = [
        f"# Stormdrill: {held} of {len(catalogue.planned)} experiments held",
        "",
        f"{started(catalogue.started)}, {catalogue.seconds / 60:.1f} min, revision {text(catalogue.revision)}"
        f"{' with uncommitted changes' if catalogue.dirty else ''}",
    ]
    if catalogue.ended_early:
        lines += ["", f"**Ended early:** {text(catalogue.ended_early)}. Not run: {', '.join(catalogue.left_out)}"]
    return lines


def _experiments(catalogue: Catalogue, matrix: Matrix) -> list[str]:
    rows = {row.experiment: row for row in matrix.rows}
    lines = ["## Experiments", "", "| experiment | verdict | alerts | seconds |", "|---|---|---|---:|"]
    for entry in catalogue.entries:
        verdict = entry.word if entry.held else f"**{entry.word}**"
        alerts = counts(rows[entry.experiment]) if entry.experiment in rows else ""
        lines.append(f"| {entry.experiment} | {verdict} | {alerts} | {entry.seconds:.1f} |")
    return lines + [line for entry in catalogue.entries for line in _why(entry)]


def _why(entry: Entry) -> Iterable[str]:
    if not entry.held:
        yield from ("", f"**{entry.experiment}** {entry.word}:", *(f"- {text(one)}" for one in words.why_not(entry)))
    if entry.brought_back:
        yield from ("", f"After **{entry.experiment}** the stack was brought back: {text(entry.brought_back)}")


def _open(matrix: Matrix) -> list[str]:
    lines = []
    if wrong := matrix.wrong():
        lines += ["Gaps:", "", *(f"- {text(one)}" for one in wrong)]
    if exempt := [one for one in matrix.unproven() if one.exempt]:
        lines += ["", "Exempt:", "", *(f"- {one.alert}: {text(one.reason)}" for one in exempt)]
    if unseen := matrix.unseen():
        lines += ["", "Faults that no alert sees:", ""]
        lines += [f"- {row.experiment}: {text(why_unseen(row))}" for row in unseen]
    return ["## What is open", *([""] if wrong else []), *lines] if lines else []


def _alerts(matrix: Matrix) -> list[str]:
    lines = [
        "## Alerts",
        "",
        "| alert | proven by | detection / by design | delivery / by design |",
        "|---|---|---:|---:|",
    ]
    for alert in matrix.alerts:
        for proof in matrix.proofs(alert):
            design = proof.result.design
            detection = seconds(proof.result.condition_true, design.detection if design else None)
            delivery = seconds(proof.delivery, design.delivery if design else None)
            lines.append(f"| {alert} | {proof.row.experiment} | {detection} | {delivery} |")
    return lines if len(lines) > 4 else []


def _grid(catalogue: Catalogue, matrix: Matrix) -> list[str]:
    rows = [row for row in matrix.rows if row.verdict]
    if not rows:
        return []
    legend = ", ".join(f"{outcome.mark} {outcome.value}" for outcome in AlertOutcome)
    numbers = [f"{number} {row.experiment}" for number, row in enumerate(rows, 1)]
    lines = [
        "<details><summary>Every alert in every experiment</summary>",
        "",
        f"{legend}; empty: it fired before the fault. Columns: {', '.join(numbers)}.",
        "",
        f"| alert | {' | '.join(str(number) for number in range(1, len(rows) + 1))} |",
        f"|---|{'---|' * len(rows)}",
    ]
    lines += [f"| {one} | {' | '.join(mark(matrix.word(row, one)) for row in rows)} |" for one in matrix.alerts]
    return [*lines, "", "</details>"]


def mark(word: str) -> str:
    """The mark of an outcome; empty where there is none."""
    return AlertOutcome(word).mark if word else " "


def text(text: str) -> str:
    """Text that Markdown and HTML in it take as it is, on one line."""
    for old, new in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("`", "'"), ("\n", " ")):
        text = text.replace(old, new)
    return text
