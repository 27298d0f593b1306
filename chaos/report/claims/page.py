"""All claims as one HTML file that needs nothing else."""

from chaos.report import html
from chaos.report.claims import comparison, picture, words
from chaos.verdict.claims import ClaimsVerdict


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
        before=before,
        compared=comparison.rows(before, verdict) if before else [],
    )
