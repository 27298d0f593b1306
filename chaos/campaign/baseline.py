"""The baseline of a coverage: what was open when it was written, so that CI fails only on what got worse."""

from collections.abc import Collection
from pathlib import Path

import msgspec
import yaml

from chaos.errors import InvalidFile
from chaos.machine.durable import replace
from chaos.spec import yamlfile

_HEAD = """\
# What nothing proves yet: written by `stormdrill coverage --baseline … --renew`.
# With this baseline `stormdrill coverage` exits with 1 only for what does not stand here.
"""


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Its file."""

    open: list[str]
    """Alerts that nothing proves, and alerts that are exempt for nothing."""


def read(file: Path) -> Baseline:
    """What was open. Raises InvalidFile."""
    if not file.exists():
        raise InvalidFile(file, "", "there is no such baseline; --renew writes one")
    return yamlfile.read(file, Baseline)


def write(file: Path, gaps: Collection[str]) -> None:
    """Take what is open now for what may be."""
    replace(file, (_HEAD + yaml.safe_dump({"open": sorted(gaps)}, allow_unicode=True)).encode(), durable=False)
