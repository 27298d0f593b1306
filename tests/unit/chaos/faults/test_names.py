"""What a fault leaves where others can see it: open names are what they always were, sealed ones say nothing."""

import re
import stat
import subprocess
import sys
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.faults.hands import OURS, System, open_name
from chaos.faults.table import hands_of
from chaos.faults.use import so_far
from tests.fakes import system
from tests.undo import samples
from tests.unit.outside import outside

COVER = "nobody-can-guess-it"
OPEN = {
    "process.crash": {"process.crash-shop-2"},
    "process.restart": {"process.restart-redis-exporter"},
    "process.throttle": {"throttle-shop-3"},
    "process.hog": {"hog"},
    "network.latency": {"stormdrill-network.latency-postgres-shop-3-downstream"},
    "network.bandwidth": {"stormdrill-network.bandwidth-postgres-shop-1-downstream"},
    "network.timeout": {"stormdrill-network.timeout-inventory-shop-1-downstream"},
    "network.reset_peer": {"stormdrill-network.reset_peer-postgres-shop-2-downstream"},
    "network.slow_close": {"stormdrill-network.slow_close-inventory-shop-2-downstream"},
    "network.down": {"stormdrill-network.down-pager"},
    "postgres.hold_locks": {"stormdrill", "stormdrill-postgres.hold_locks"},
    "postgres.slow_queries": {"stormdrill", "stormdrill-postgres.slow_queries"},
    "postgres.take_connections": {"stormdrill", "stormdrill-postgres.take_connections"},
    "redis.kill_master": {"redis.kill_master"},
    "redis.kill_replica": {"redis.kill_replica"},
    "redis.lose_majority": {"redis.lose_majority"},
    "redis.flush": {"redis.flush"},
    "redis.fill": {"stormdrill-fill:{fill-0}"},
    "redis.cut_off_master": {"redis.cut_off_master", "stormdrill-network.down-redis-1"},
    "traffic.surge": {"traffic.surge"},
    "traffic.crowd": {"traffic.crowd"},
    "traffic.hot_key": {"traffic.hot_key"},
    "traffic.slow_clients": {"traffic.slow_clients"},
    "pager.refuse": {"pager.refuse-pager"},
    "node.drain": {"node.drain-shop-2"},
    "service.scale": {"service.scale-shop"},
}
NAMELESS = {"none", "process.kill", "process.pause", "haproxy.drain", "haproxy.fool_checks"}
BY_AGENT = {kind for kind in OPEN if kind.startswith(("traffic.", "postgres."))} | {
    "process.throttle",
    "process.hog",
    "redis.flush",
}


@pytest.fixture
def there(monkeypatch, tmp_path):
    # A process that nobody misses when its limits are changed.
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield outside(monkeypatch, tmp_path, process.pid)
        process.kill()


def test_it_is_known_of_every_kind_what_it_leaves():
    assert OPEN.keys() | NAMELESS == samples.SAMPLES.keys()


@pytest.mark.parametrize("kind", OPEN)
def test_an_open_fault_says_what_it_is(there, kind):
    there.inject(samples.fault(kind, "5s"))
    assert there.names() == OPEN[kind]


@pytest.mark.parametrize("kind", OPEN)
def test_a_sealed_fault_says_nothing(there, kind):
    there.inject(samples.fault(kind, "5s"), COVER)
    said = there.names()
    assert len(said) >= len(OPEN[kind])
    telling = {OURS, "fill", COVER, *re.findall("[a-z]+", " ".join([kind, *OPEN[kind]]))}
    assert not [(word, name) for word in telling for name in said if word in name]


@pytest.mark.parametrize("kind", sorted(BY_AGENT))
def test_the_command_line_of_an_agent_holds_nothing_of_what_it_is_told(there, tmp_path, kind):
    there.inject(samples.fault(kind, "5s"), COVER)
    [file] = tmp_path.glob("agents/*.job")
    assert there.commands == [[sys.executable, "-m", "chaos.agents", str(tmp_path / "agents"), file.stem]]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("cover", ["", COVER])
@pytest.mark.parametrize("kind", [kind for kind in OPEN if kind.startswith("postgres.")])
def test_connections_are_looked_for_by_the_name_that_they_have(there, kind, cover):
    fault, seen = samples.fault(kind, "5s"), there.system.on_behalf_of(1, cover)
    there.inject(fault, cover)
    there.asked.clear()
    hands_of(fault).meets(seen)
    hands_of(fault).undo(seen)
    assert hands_of(fault).undone(seen).holds
    asked = [value for value in there.asked if isinstance(value, str)]
    assert len(asked) >= 2
    assert set(asked) == {seen.called(kind)}


@pytest.mark.parametrize("cover", ["", COVER])
def test_who_only_looks_says_as_much_of_itself_as_the_fault_will(there, cover):
    so_far(samples.fault("postgres.slow_queries", "5s"), replace(there.system, cover=cover))
    [name] = there.connections
    assert (name == OURS) is not bool(cover)
    assert name == replace(there.system, cover=cover).covered(OURS)


def test_what_acts_once_more_does_so_by_the_same_name(there):
    seen = there.system.on_behalf_of(1, COVER)
    some = msgspec.structs.replace(samples.fault("network.reset_peer", "5s"), share=0.5)
    there.inject(some, COVER)
    hands_of(some).renew(seen)
    assert {*there.set_again} == there.names()

    fill = samples.fault("redis.fill", "5s")
    there.inject(fill, COVER)
    known = there.names()
    there.keys.clear()
    hands_of(fill).renew(seen)
    assert there.keys
    assert there.names() == known


@pytest.fixture(scope="module")
def anywhere(tmp_path_factory):
    return system(tmp_path_factory.mktemp("state"))


words = st.text(max_size=30)
covers = st.text(st.characters(exclude_characters="/", codec="utf-8"), min_size=1, max_size=30)


@given(cover=covers, what=words)
def test_what_is_covered_is_found_again_by_its_cover(anywhere, cover, what):
    one, other = (anywhere.on_behalf_of(number, cover) for number in (1, 2))
    assert one.called(what) == other.called(what) == one.covered(what)
    assert re.fullmatch("[0-9a-f]{10}", one.called(what))


@given(two=st.sets(covers, min_size=2, max_size=2), whats=st.sets(words, min_size=2, max_size=2))
def test_two_covers_or_two_things_are_called_differently(anywhere, two, whats):
    systems = [System(anywhere.target, anywhere.control, cover=cover) for cover in two]
    assert len({one.called(what) for one in systems for what in whats}) == 4


@given(what=words)
def test_without_a_cover_all_are_called_what_they_are(anywhere, what):
    assert anywhere.called(what) == open_name(what) == f"stormdrill-{what}"
    assert anywhere.covered(what) == what
