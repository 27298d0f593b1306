"""`pager.refuse`: the pager takes no delivery, as on a full disk, and answers 500."""

from typing import ClassVar

from chaos.spec.faults.fault import FaultFields
from chaos.spec.faults.measure import Measure


class PagerRefuse(FaultFields, frozen=True, tag="pager.refuse"):
    """Sets the file size limit of the pager's processes to nothing, from outside: it cannot store a delivery."""

    MEASURE: ClassVar = Measure.PAGES

    instance: str = "pager"

    def describe(self) -> str:
        return f"{self.instance} cannot write to its disk for {self.for_}, and refuses every delivery"

    def aims_at(self) -> str | None:
        return self.instance
