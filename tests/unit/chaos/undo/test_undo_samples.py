"""No kind of fault goes without a test of its undo."""

from chaos.spec.faults.table import FAULTS
from tests.undo import samples


def test_every_kind_of_fault_has_a_sample_and_is_held_once():
    together = [kind for kinds in samples.TOGETHER for kind in kinds]
    assert sorted([*together, *samples.IN_A_SWARM]) == sorted(FAULTS)
    assert all(samples.fault(kind, "3s").for_.in_seconds == 3 for kind in FAULTS)
