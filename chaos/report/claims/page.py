"""All claims as one HTML file that needs nothing else."""

from chaos.report import html
from chaos.report.claims import comparison, picture, words
from chaos.verdict.claims import ClaimsVerdict, Picture


def render(verdict: ClaimsVerdict, command: str, before: ClaimsVerdict | None = None) -> str:
    """The page; `command` measures the same again."""
    return html.page(
        "claims.html.j2",
        verdict=verdict,
        command=command,
        of_bound=words.of_bound,
        of_finding=words.of_finding,
        of_measure=words.of_measure,
        drawn=[[picture.of(one) for one in claim.pictures] for claim in verdict.claims],
        size=picture,
        alone=False,
        before=before,
        compared=comparison.rows(before, verdict) if before else [],
    )


def svg(one: Picture) -> str:
    """A picture as a file of its own, for whoever writes of what was measured."""
    return html.page("claim.svg.j2", one=picture.of(one), size=picture, alone=True)
