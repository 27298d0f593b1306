"""Whether users are well just now, by the bounds that the experiment has for after the fault."""

from collections.abc import Sequence

from chaos.facts.recording import Facts
from chaos.facts.samples import Request
from chaos.judge import checks
from chaos.spec.experiment import LOAD_QUERIES, Experiment, SteadyState

LOOKS_BACK_SECONDS = 5.0
"""Over which what users saw is measured at least; longer where it has too few requests."""


def can_tell(experiment: Experiment) -> bool:
    """Whether anything that the experiment claims is measured by its users; else nobody knows how they are."""
    return any(check.from_load and check.after is not None for check in experiment.steady_state)


def hurt(recording: Facts, now: float) -> list[str]:
    """Each thing about users that is not as it should be, in words that name no bound; empty when all are well."""
    latest = latest_requests(recording, now)
    found = [words for check in recording.experiment.steady_state if (words := broken(check, latest))]
    return list(dict.fromkeys(found))


def broken(check: SteadyState, requests: Sequence[Request]) -> str:
    """How these requests break the bound that the check has for the time after a fault; empty when they do not."""
    if not check.from_load or check.after is None or len(requests) < checks.FEWEST_REQUESTS:
        return ""
    value = checks.load_metric(check.query, requests, LOOKS_BACK_SECONDS)
    well = value is None or check.after.holds(value)
    return "" if well else f"{LOAD_QUERIES[check.query]}: {value:.3g}"


def latest_requests(recording: Facts, now: float) -> list[Request]:
    """Those of the last seconds, and as many as say something; fewer where there never were so many."""
    seen: list[Request] = []
    # They are written down as they end, the latest last.
    for request in reversed(recording.load.requests):
        if len(seen) >= checks.FEWEST_REQUESTS and request.ended_at < now - LOOKS_BACK_SECONDS:
            break
        seen.append(request)
    return seen
