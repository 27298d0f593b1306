"""The checkout that this is run from. It need not be there: an installed package is enough for a stack of one's own."""

from pathlib import Path

from chaos.errors import NeedsCheckout

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS = ROOT / "chaos" / "experiments"
ALERTS = ROOT / "alerts"
DASHBOARDS = ROOT / "dashboards"
_OURS = "compose/topology.py"
"""What only a checkout has there: beside an installed package there may be another `compose`, or `alerts`."""


def is_there() -> bool:
    """Whether our own stack can be brought up, and its alerts and dashboards read."""
    return (ROOT / _OURS).is_file()


def assert_there(what: str = "our own stack") -> None:
    """Raises NeedsCheckout where there is none."""
    if not is_there():
        raise NeedsCheckout(
            f"this needs a checkout: {what} is no part of the installed package; a stack of one's own is named by"
            " --target FILE, which `stormdrill adopt` writes"
        )


def runbooks() -> Path | None:
    """The folder of our runbooks; None: there is no checkout."""
    return ALERTS / "runbooks" if is_there() else None
