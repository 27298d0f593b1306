"""The table of ablations: each switch, the experiment that carries its claim, and what has to be noticed."""

from pathlib import Path

import msgspec

from chaos.spec import experiment as experiments
from chaos.spec import yamlfile
from chaos.spec.values import Duration

MOST_EXEMPT = 4


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must differ from the same run with the switch on; any one of these is enough."""

    failed: float | None = None
    """The share of users' requests that fail while the fault is held is larger by at least so much."""
    p50: Duration | None = None
    """Their median is longer by at least so much."""
    p99: Duration | None = None
    """Their 99th percentile is longer by at least so much."""
    lost: int | None = None
    """So many more acknowledged writes are lost, doubled, or were not shown to their user."""
    verdict: bool = False
    """The experiment holds no more, whatever it is that refutes it."""

    def __post_init__(self) -> None:
        given = (self.failed, self.p50, self.p99, self.lost, self.verdict or None)
        if all(one is None for one in given):
            raise ValueError("nothing is to be noticed: give failed, p50, p99, lost or verdict")
        if (self.failed is not None and not 0 < self.failed <= 1) or (self.lost is not None and self.lost < 1):
            raise ValueError("a difference of nothing is none")


class Ablated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One switch."""

    switch: str
    """The variable that `make up` and every run accept."""
    experiment: str
    """The id of the experiment that carries its claim."""
    notices: Notice
    off: str = "off"
    """The value that takes the mechanism out."""
    also: list[str] = []
    """Switches that take it out elsewhere, as inventory's; set to the same value."""
    given: dict[str, str] = msgspec.field(name="with", default_factory=dict)
    """Settings of both sides, as those that make something long happen within a run."""
    finding: str = ""
    """Why nothing notices it: what a run has found before, and what is to be done. Empty: it has to be noticed."""

    @property
    def settings(self) -> dict[str, str]:
        """What the system is told on the side where it is off."""
        return self.given | dict.fromkeys((self.switch, *self.also), self.off)


class Exempt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A switch that takes no mechanism out, or that nobody can run without."""

    switch: str
    reason: str


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them."""

    switches: list[Ablated]
    exempt: list[Exempt] = []


def read(file: Path, folder: Path) -> Table:
    """Read the table; `folder` has the experiments. Raises InvalidFile."""
    table, known = yamlfile.read(file, Table), set(experiments.ids(folder))
    seen: set[str] = set()
    for index, row in enumerate(table.switches):
        path = f"switches[{index}]"
        if row.experiment not in known:
            raise yamlfile.located(file, f"{path}.experiment", f"no such experiment: {row.experiment}")
        if again := seen & {row.switch, *row.also}:
            raise yamlfile.located(file, f"{path}.switch", f"there is a row for it: {', '.join(sorted(again))}")
        seen |= {row.switch, *row.also}
    for index, one in enumerate(table.exempt):
        if one.switch in seen or not one.reason.strip():
            raise yamlfile.located(file, f"exempt[{index}]", "either it has a row, or a reason why it has none")
        seen.add(one.switch)
    if len(table.exempt) > MOST_EXEMPT:
        raise yamlfile.located(file, "exempt", f"{MOST_EXEMPT} at most")
    return table
