"""The second hint of our own cards names a panel that tells of what is broken, and not only that something fires."""

import msgspec
import pytest

from chaos.gameday import hints
from chaos.spec import panel, substitute, yamlfile
from chaos.spec.experiment import Experiment
from chaos.spec.gameday import deck, truth
from chaos.spec.target import Instance
from chaos.spec.values import Duration
from compose.settings import ROOT
from tests.fakes import system

EXPERIMENTS = ROOT / "chaos" / "experiments"
CARDS = deck.read(ROOT / "chaos" / "decks" / "shop.yaml", EXPERIMENTS).cards
PANELS = panel.read(ROOT / "dashboards", substitute.times(Duration(seconds=1), panel.SHOWN))
ROLES = {
    **dict.fromkeys(("shop-1", "shop-2", "shop-3"), "shop"),
    **dict.fromkeys(("inventory-1", "inventory-2"), "inventory"),
    "postgres": "postgres",
}


def told(folder, card):
    experiment = yamlfile.read(EXPERIMENTS / f"{card.experiment}.yaml", Experiment)
    target = msgspec.structs.replace(
        system(folder).target, instances={name: Instance(role) for name, role in ROLES.items()}
    )
    return experiment, hints.of(card, experiment, truth.of(experiment, card.herring, ROLES), PANELS, target)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.experiment)
def test_where_an_alert_comes_of_it_a_panel_is_named(tmp_path, card):
    experiment, (_, second, _) = told(tmp_path, card)
    assert not experiment.alerts or second.startswith("Look at the panel")
    assert "dashboard 'alerts'" not in second, "that something fires is no hint at what is broken"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("kill-instance", "'Answers Prometheus' of the dashboard 'instances'"),
        ("latency-postgres", "'Operation, p95' of the dashboard 'postgres'"),
        ("throttle-instance", "'Event loop lag, p99' of the dashboard 'instances'"),
        ("reset-postgres", "of the dashboard 'postgres'"),
        ("latency-redis", "'Operation, p95' of the dashboard 'redis'"),
    ],
)
def test_it_is_the_panel_of_the_alert_that_says_most(tmp_path, name, shown):
    card = next(card for card in CARDS if card.experiment == name)
    assert shown in told(tmp_path, card)[1][1]
