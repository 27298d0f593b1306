"""A finding: one reason of the judge's, as a value. It is worded in chaos/report and nowhere else."""

import re

import msgspec


def _tag(name: str) -> str:
    """`RuleNotRunning` as it stands in a file: `rule_not_running`."""
    return re.sub(r"(?<=.)([A-Z])", r"_\1", name).lower()


class Finding(msgspec.Struct, frozen=True, tag_field="finding", tag=_tag):
    """One reason. Of those about a whole run a `Refutation` refutes the claim; the others say what nobody knows."""


class Refutation(Finding, frozen=True):
    """What refutes the claim, whatever else is known."""
