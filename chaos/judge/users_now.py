"""Whether users are well just now, by the bounds that the experiment has for after the fault."""

from chaos.facts.recording import Facts
from chaos.facts.samples import Request
from chaos.judge import checks
from chaos.spec.experiment import SteadyState

LOOKS_BACK_SECONDS = 5.0
"""Over which what users saw is measured at least; longer where it has too few requests."""


def hurt(recording: Facts, now: float) -> list[str]:
    """Each bound on what users see that is broken, in words; empty when all are well, or nobody can tell."""
    latest = _latest(recording, now)
    return [words for check in recording.experiment.steady_state if (words := broken(check, latest))]


def broken(check: SteadyState, requests: list[Request]) -> str:
    """How these requests break the bound that the check has for the time after a fault; empty when they do not."""
    if not check.from_load or check.after is None or len(requests) < checks.FEWEST_REQUESTS:
        return ""
    value = checks.load_metric(check.query, requests, LOOKS_BACK_SECONDS)
    well = value is None or check.after.holds(value)
    return "" if well else f"{check.name} is {value:.3g}, wanted {check.after}"


def _latest(recording: Facts, now: float) -> list[Request]:
    seen: list[Request] = []
    # They are written down as they end, the latest last.
    for request in reversed(recording.load.requests):
        if len(seen) >= checks.FEWEST_REQUESTS and request.ended_at < now - LOOKS_BACK_SECONDS:
            break
        seen.append(request)
    return seen
