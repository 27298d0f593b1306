"""Every switch of the system has a row in the table of ablations, and every row a switch that exists."""

from dataclasses import fields

import pytest

from chaos.errors import InvalidFile
from chaos.spec import ablation
from compose.settings import ROOT, BalancerSettings
from services.inventory.settings import InventorySettings
from services.kit.settings import Settings
from services.shop.settings import ShopSettings

FILE, EXPERIMENTS = ROOT / "chaos/ablation.yaml", ROOT / "chaos/experiments"
ROW = "  - {{ switch: {}, experiment: no-fault, notices: {{ {} }} }}\n"


def switches(settings: type[Settings], prefix: str) -> set[str]:
    return {f"{prefix}_{name.upper()}" for name, one in settings.model_fields.items() if one.annotation is bool}


def of_the_shop() -> set[str]:
    return switches(ShopSettings, "SHOP") | {f"SHOP_{each.name.upper()}" for each in fields(BalancerSettings)}


def test_every_switch_has_a_row_or_a_reason_why_not():
    table = ablation.read(FILE, EXPERIMENTS)
    assert {row.switch for row in table.switches} | {one.switch for one in table.exempt} == of_the_shop()


def test_what_inventory_has_as_well_is_switched_off_there_too():
    table = ablation.read(FILE, EXPERIMENTS)
    expected = switches(InventorySettings, "INVENTORY") - {"INVENTORY_NAMES_ITSELF"}
    assert {name for row in table.switches for name in row.also} == expected
    for row in table.switches:
        assert set(row.also) <= {row.switch.replace("SHOP_", "INVENTORY_")}


def test_what_a_row_gives_both_sides_is_a_setting():
    known = {f"SHOP_{name.upper()}" for name in ShopSettings.model_fields} | of_the_shop()
    given = {name for row in ablation.read(FILE, EXPERIMENTS).switches for name in row.given}
    assert given <= known - {row.switch for row in ablation.read(FILE, EXPERIMENTS).switches}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("switches:\n" + ROW.format("A", "failed: 0.1") * 2, "there is a row for it: A"),
        ("switches:\n" + ROW.format("A", ""), "nothing is to be noticed"),
        ("switches:\n" + ROW.format("A", "failed: 0"), "a difference of nothing is none"),
        ("switches:\n" + ROW.format("A", "lost: 1").replace("no-fault", "none"), "no such experiment: none"),
        (
            "switches: []\nexempt:\n" + "".join(f"  - {{ switch: S{n}, reason: r }}\n" for n in range(5)),
            "exempt: 4 at most",
        ),
        ("switches: []\nexempt: [{ switch: A, reason: ' ' }]\n", "a reason why it has none"),
        ("switches:\n" + ROW.format("A", "lost: 1") + "exempt: [{ switch: A, reason: r }]\n", "either it has a row"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(text, reason, tmp_path):
    (tmp_path / "table.yaml").write_text(text)
    with pytest.raises(InvalidFile, match=reason):
        ablation.read(tmp_path / "table.yaml", EXPERIMENTS)
