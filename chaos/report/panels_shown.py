"""What `make dashboards-check` prints: which panels show data, and why the others do not."""

from collections.abc import Sequence

from chaos.judge.panel_shown import Shown


def render(rows: Sequence[Shown]) -> list[str]:
    """One line a panel, by dashboard; then what shows nothing, with the reason; then how many do."""
    width = max((len(row.panel.title) for row in rows), default=0) + 2
    lines = [f"{'dashboard':<11}{'panel':<{width}}{'queries':>7}{'series':>8}  shows"]
    for row in sorted(rows, key=lambda one: one.panel.dashboard):
        panel, shows = row.panel, "NOTHING" if row.amiss else "data"
        lines.append(f"{panel.dashboard:<11}{panel.title:<{width}}{len(panel.queries):>7}{row.series:>8}  {shows}")
    empty = [row for row in rows if row.amiss]
    for row in empty:
        lines += [f"NOTHING SHOWN: {row.panel.dashboard} / {row.panel.title}", *(f"  {why}" for why in row.amiss)]
    return [*lines, f"stormdrill: {len(rows) - len(empty)} of {len(rows)} panels and variables show data"]
