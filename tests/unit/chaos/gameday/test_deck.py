"""A deck is read, drawn from as its seed says, and every card of ours can be played and ended."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.cli import stack
from chaos.errors import InvalidFile
from chaos.gameday.table import fits
from chaos.spec import experiment as experiments
from chaos.spec import yamlfile
from chaos.spec.experiment import Experiment
from chaos.spec.faults.network import Latency
from chaos.spec.faults.none import NoFault
from chaos.spec.faults.process import ProcessKill
from chaos.spec.faults.traffic import TrafficSurge
from chaos.spec.gameday import deck, truth
from chaos.spec.gameday.deck import Card, Deck
from chaos.spec.values import Duration
from compose.settings import ROOT

EXPERIMENTS = ROOT / "chaos" / "experiments"
OURS = ROOT / "chaos" / "decks" / "shop.yaml"
MADE = Deck("made up", [Card(f"e{number}", 1 + number % 3) for number in range(7)])
ROLES = {"inventory-1": "inventory", "inventory-2": "inventory", "shop-1": "shop", "shop-2": "shop", "shop-3": "shop"}
PATTERNS = ["restart SERVICE", "drain SERVICE", "undrain SERVICE", "scale SERVICE REPLICAS", "silence ALERT MINUTES"]


def read(tmp_path, text):
    file = tmp_path / "gameday.yaml"
    file.write_text(text)
    return deck.read(file, EXPERIMENTS)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("title: t\ncards: []\n", "at least one"),
        ("title: t\ncards: [{experiment: unheard-of}]\n", "there is no experiment unheard-of"),
        ("title: t\ncards: [{experiment: kill-instance, difficulty: 9}]\n", "difficulty"),
        ("title: t\nearliest: 9s\nlatest: 2s\ncards: [{experiment: kill-instance}]\n", "earliest"),
        ("title: t\ncards: [{experiment: kill-instance, injects: [{after: 5s}]}]\n", "a text or a fault"),
        ("title: t\ncards: [{experiment: kill-instance, injekts: []}]\n", "unknown key injekts"),
    ],
)
def test_what_is_wrong_with_a_deck_is_said(tmp_path, text, what):
    with pytest.raises(InvalidFile, match=what):
        read(tmp_path, text)


def test_a_deck_may_bring_its_own_experiments(tmp_path):
    (tmp_path / "mine.yaml").write_text("")
    made = read(tmp_path, "title: t\ncards: [{experiment: mine.yaml}]\n")
    assert deck.file_of(made.cards[0], tmp_path / "gameday.yaml", EXPERIMENTS) == tmp_path / "mine.yaml"
    with pytest.raises(InvalidFile, match="there is no experiment other"):
        read(tmp_path, "title: t\ncards: [{experiment: other.yaml}]\n")


@given(st.integers(0, 2**64 - 1), st.integers(0, 20))
def test_the_same_seed_draws_the_same_day(seed, place):
    first, again = (deck.draw(MADE, seed, place, None, None) for _ in range(2))
    assert first == again
    assert MADE.earliest.in_seconds <= first.delay_seconds <= MADE.latest.in_seconds


@given(st.integers(0, 2**64 - 1))
def test_no_round_of_a_day_comes_twice_before_all_came(seed):
    drawn = [deck.draw(MADE, seed, place, None, None).card.experiment for place in range(len(MADE.cards))]
    assert sorted(drawn) == sorted(card.experiment for card in MADE.cards)


def test_a_day_may_be_of_one_difficulty_or_about_some_experiments():
    assert {deck.draw(MADE, seed, 0, 2, None).card.difficulty for seed in range(20)} == {2}
    assert {deck.draw(MADE, seed, 0, None, {"e3"}).card.experiment for seed in range(5)} == {"e3"}
    with pytest.raises(InvalidFile, match="none of them"):
        deck.draw(MADE, 1, 0, None, set())


def cards():
    return deck.read(OURS, EXPERIMENTS).cards


@pytest.mark.parametrize("card", cards(), ids=lambda card: card.experiment)
def test_each_card_of_ours_names_what_ends_it(card):
    experiment = yamlfile.read(EXPERIMENTS / f"{card.experiment}.yaml", Experiment)
    true = truth.of(experiment, card.herring, ROLES)
    if card.herring or (truth.NOTHING, truth.NOTHING) in true.answers:
        assert not card.mitigation
        return
    if card.mitigation.startswith("repair "):
        component, _, family = card.mitigation.removeprefix("repair ").rpartition(" ")
        assert true.is_right(component, family)
    else:
        assert fits(card.mitigation, PATTERNS)


def test_what_comes_in_between_fits_its_experiment_and_is_also_a_fault_and_more_load():
    deck_, vocabulary = deck.read(OURS, EXPERIMENTS), stack.vocabulary()
    for card in deck_.cards:
        read_ = experiments.read(deck.file_of(card, OURS, EXPERIMENTS), vocabulary)
        played = deck.played(deck.held(read_, deck_.limit), card.injects)
        assert list(experiments.amiss(played, vocabulary)) == [], card.experiment
    kinds = {type(inject.fault) for card in deck_.cards for inject in card.injects}
    assert {ProcessKill, TrafficSurge} <= kinds


@pytest.mark.parametrize(
    "card", [card for card in cards() if card.mitigation.startswith("repair ")], ids=lambda card: card.experiment
)
def test_no_repair_of_ours_is_proven_by_what_another_fault_has_taken(card):
    """As with a server that serves nobody because its instance is dead: it cannot be seen to be put right."""
    component, _, family = card.mitigation.removeprefix("repair ").rpartition(" ")
    faults = yamlfile.read(EXPERIMENTS / f"{card.experiment}.yaml", Experiment).faults
    named = [fault for fault in faults if truth.names(fault, ROLES, component, family)]
    taken = {name for fault in faults if fault not in named for name in fault.instances()}
    assert named
    assert not taken & {name for fault in named for name in fault.instances()}


def test_every_family_has_words():
    assert set(truth.families()) == set(truth.FAMILIES)


def test_right_is_the_component_and_the_family_of_one_fault():
    both = yamlfile.read(EXPERIMENTS / "exhaust-pool.yaml", Experiment)
    true = truth.of(both, False, {})
    assert true.is_right("postgres", "postgres")
    assert true.is_right("users", "traffic")
    assert not true.is_right("postgres", "traffic"), "of two different faults"
    herring = truth.of(yamlfile.read(EXPERIMENTS / "restart-instance.yaml", Experiment), True, {})
    assert herring.is_right(truth.NOTHING, truth.NOTHING)
    assert herring.is_right("shop-2", "process")


def test_a_role_names_it_where_all_of_it_was_hit_and_only_then():
    both = truth.of(yamlfile.read(EXPERIMENTS / "kill-inventory.yaml", Experiment), False, ROLES)
    assert both.is_right("inventory", "process")
    assert both.is_right("inventory-1", "process")
    one = truth.of(yamlfile.read(EXPERIMENTS / "kill-inventory-instance.yaml", Experiment), False, ROLES)
    assert not one.is_right("inventory", "process")


def test_a_redis_master_that_was_killed_is_a_process_that_is_down():
    true = truth.of(yamlfile.read(EXPERIMENTS / "kill-redis-master.yaml", Experiment), False, {})
    assert true.is_right("redis", "process")
    assert true.is_right("redis", "redis")


def test_the_node_that_a_fault_chose_when_it_came_is_right_as_well_and_no_other():
    """A page names it, and nobody who believes his page may be told that he is wrong."""
    killed = yamlfile.read(EXPERIMENTS / "kill-redis-master.yaml", Experiment)
    true = truth.of_injected(killed, False, {}, {None: 10.0}, {None: ["redis-3"]})
    assert true.is_right("redis-3", "process", 11.0)
    assert true.is_right("redis-3", "redis", 11.0)
    assert true.is_right("redis", "redis", 11.0)
    assert not true.is_right("redis-4", "process", 11.0)
    assert true.words.endswith("; that was redis-3")
    assert truth.names(killed.fault, {}, "redis-3", "redis", ["redis-3"])
    assert not truth.names(killed.fault, {}, "redis-3", "redis")


def test_what_comes_in_between_is_part_of_what_is_played_and_of_the_truth():
    experiment = yamlfile.read(EXPERIMENTS / "kill-instance.yaml", Experiment)
    inject = deck.Inject(
        Duration(seconds=30), fault=Latency(Duration(seconds=20), "postgres", latency=Duration(seconds=1))
    )
    played = deck.played(deck.held(experiment, Duration(minutes=40)), [inject])
    assert [str(fault.for_) for fault in played.faults] == ["40m", "20s"]
    assert truth.of(played, False, {}).is_right("postgres", "network")


def second(experiment):
    """With Postgres made slow later on."""
    slow = Latency(Duration(seconds=20), "postgres", latency=Duration(seconds=1))
    return deck.played(experiment, [deck.Inject(Duration(seconds=30), fault=slow)])


def test_what_never_came_is_nobodys_right_diagnosis():
    played = second(yamlfile.read(EXPERIMENTS / "kill-instance.yaml", Experiment))
    true = truth.of_injected(played, False, {}, {None: 10.0})
    assert true.is_right("shop-2", "process", 11.0)
    assert not true.is_right("postgres", "network", 99.0)
    assert "never came" in true.words


def test_what_came_in_between_is_right_from_then_on():
    played = second(yamlfile.read(EXPERIMENTS / "kill-instance.yaml", Experiment))
    true = truth.of_injected(played, False, {}, {None: 10.0, 0: 40.0})
    assert [true.is_right("postgres", "network", at) for at in (39.0, 40.0, 99.0)] == [False, True, True]
    assert [true.is_right("shop-2", "process", at) for at in (9.0, 10.0, 99.0)] == [False, True, True]
    assert true.words == played.describe_faults()


def test_nothing_is_broken_until_something_is():
    calm = msgspec.structs.replace(
        yamlfile.read(EXPERIMENTS / "kill-instance.yaml", Experiment), fault=NoFault(Duration(seconds=60)), also=[]
    )
    nothing = (truth.NOTHING, truth.NOTHING)
    alone = truth.of_injected(calm, False, {}, {None: 10.0})
    assert alone.is_right(*nothing, 99.0)
    later = truth.of_injected(second(calm), False, {}, {None: 10.0, 0: 40.0})
    assert [later.is_right(*nothing, at) for at in (39.0, 40.0)] == [True, False]
    herring = truth.of_injected(second(calm), True, {}, {None: 10.0, 0: 40.0})
    assert herring.is_right(*nothing, 99.0)


def test_of_a_round_in_which_nothing_was_injected_the_truth_says_so():
    true = truth.of_injected(yamlfile.read(EXPERIMENTS / "kill-instance.yaml", Experiment), False, {}, {})
    assert not true.is_right("shop-2", "process", 11.0)
    assert true.words.startswith("nothing was injected")
