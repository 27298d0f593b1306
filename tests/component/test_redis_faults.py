"""Redis faults against a real cluster: each breaks what it says, and its undo loses nothing that it need not lose."""

import pytest

from chaos.drill.use import Use
from chaos.errors import FaultFailed
from chaos.faults.table import hands_of
from chaos.reach import redis_cluster
from chaos.spec.faults import redis, redis_keys
from chaos.spec.values import Duration
from tests.component.redis_nodes import redis_nodes, undo
from tests.waiting import until

HOLD = Duration.parse("10s")
SESSIONS = [f"session:{{{number}}}" for number in range(60)]
SESSION_MS = 30 * 60 * 1000
ENTRY_MS = 305_000


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    with redis_nodes(tmp_path_factory.mktemp("redis")) as nodes:
        yield nodes


@pytest.fixture
def system(nodes, tmp_path):
    until(nodes.well, 30)
    for name in [node.name for node in redis_cluster.masters(nodes.addresses)]:
        nodes.client(name).flushall()
    # A replica is given it as well, and would count it as a client's when it comes late.
    nodes.replicated()
    return nodes.system(tmp_path)


@pytest.fixture
def sessions(nodes, system):
    """Sessions that were opened and not used since."""
    nodes.write(SESSIONS, "user", px=SESSION_MS)
    nodes.replicated()
    return SESSIONS


def roles(nodes):
    return {node.name: not node.master for node in redis_cluster.look(nodes.addresses)}


def test_what_clients_ask_is_counted_and_what_monitoring_asks_is_not(nodes, system):
    use = Use(redis.RedisKillMaster(for_=HOLD))
    use.look(system)
    for name in nodes.addresses:
        for _ in range(20):
            nodes.client(name).info()
    use.look(system)
    with pytest.raises(FaultFailed, match="clients gave the Redis Cluster 0 commands"):
        use.result()
    nodes.write(SESSIONS, "user")
    use.look(system)
    assert use.result().parts["the Redis Cluster"] >= len(SESSIONS)


def test_a_killed_master_is_replaced_and_comes_back_as_a_replica(nodes, system, sessions):
    fault = redis.RedisKillMaster(for_=HOLD)
    before = roles(nodes)
    hands_of(fault).check(system)
    hands_of(fault).inject(system)
    [victim] = [name for name, state in nodes.states().items() if not state.running]
    assert before[victim], f"{victim} was no master"
    assert hands_of(fault).chosen(system) == [victim]
    assert hands_of(fault).in_place(system).holds
    # 4.5 s after; the vote for the replica may have to be held once more.
    until(lambda: len(redis_cluster.masters(nodes.addresses)) == 3, 30)
    undo(fault, system)
    assert nodes.well()
    assert not roles(nodes)[victim]
    assert nodes.kept(sessions) == len(sessions)


def test_a_master_whose_replica_has_not_taken_over_yet_is_not_started_empty(nodes, system, sessions):
    # Undone at once, as when the runner dies: a master that is back too soon is empty, and its replica copies that.
    fault = redis.RedisKillMaster(for_=HOLD)
    hands_of(fault).inject(system)
    undo(fault, system)
    assert nodes.kept(sessions) == len(sessions)


def behind(nodes):
    return [node.name for node in redis_cluster.look(nodes.addresses) if not node.in_sync]


def test_a_replica_is_in_sync_only_when_it_has_what_was_written(nodes, system):
    # Both sides call it connected all the while.
    [owner] = [node for node in redis_cluster.masters(nodes.addresses) if node.slots[0][0] == 0]
    replica = next(node.name for node in redis_cluster.look(nodes.addresses) if node.master == owner.id)
    with nodes.client(owner.name) as master, nodes.client(replica) as client:
        client.client_pause(10_000, all=False)
        master.set(f"session:{owner.tag('late')}", "user", px=SESSION_MS)
        try:
            # Between two of them there is now and then something on its way as well.
            until(lambda: behind(nodes) == [replica], 5)
        finally:
            client.client_unpause()
    until(nodes.well)


def test_a_killed_replica_leaves_its_master_alone(nodes, system):
    fault = redis.RedisKillReplica(for_=HOLD)
    before = roles(nodes)
    hands_of(fault).inject(system)
    [victim] = [name for name, state in nodes.states().items() if not state.running]
    assert not before[victim]
    until(lambda: [node.in_sync for node in redis_cluster.masters(nodes.addresses)].count(False) == 1)
    undo(fault, system)
    assert nodes.well()


def test_without_a_majority_slots_stay_lost_and_the_undo_keeps_what_was_in_them(nodes, system, sessions):
    fault = redis.RedisLoseMajority(for_=HOLD)
    hands_of(fault).inject(system)
    down = [name for name, state in nodes.states().items() if not state.running]
    assert len(down) == 2
    left = next(name for name in nodes.ports if name not in down)
    until(lambda: redis_cluster.health(nodes.addresses[left])[0] == "fail", 30)
    assert hands_of(fault).in_place(system).holds
    undo(fault, system)
    assert nodes.well()
    assert nodes.kept(sessions) == len(sessions)


@pytest.mark.parametrize("kind", [redis.RedisKillMaster, redis.RedisKillReplica, redis.RedisLoseMajority])
def test_an_undo_without_an_injection_and_a_second_one_change_nothing(nodes, system, kind):
    fault = kind(for_=HOLD)
    before = roles(nodes)
    undo(fault, system)
    undo(fault, system)
    assert roles(nodes) == before


def test_a_blow_that_was_cut_short_is_undone(nodes, system, sessions):
    class Died(Exception):
        pass

    killed = []

    def die_at_the_second(name):
        if killed:
            raise Died
        killed.append(name)

    nodes.before_kill = die_at_the_second
    try:
        with pytest.raises(Died):
            hands_of(redis.RedisLoseMajority(for_=HOLD)).inject(system)
    finally:
        nodes.before_kill = None
    undo(redis.RedisLoseMajority(for_=HOLD), system)
    assert nodes.well()
    assert nodes.kept(sessions) == len(sessions)


def test_a_cluster_that_is_not_well_is_not_attacked(nodes, system):
    [first, *_] = redis_cluster.masters(nodes.addresses)
    replica = next(node.name for node in redis_cluster.look(nodes.addresses) if node.master == first.id)
    nodes.kill(replica)
    try:
        with pytest.raises(FaultFailed, match=f"no answer from {replica}"):
            hands_of(redis.RedisKillMaster(for_=HOLD)).check(system)
    finally:
        nodes.start(replica)
        until(nodes.well, 30)


def test_a_flush_takes_cached_entries_and_no_session(nodes, system, sessions):
    entries = [f"cache:{{product:{number}}}" for number in range(60)]
    fault = redis_keys.RedisFlush(for_=HOLD, every=Duration.parse("20ms"))
    hands_of(fault).check(system)
    nodes.write(entries, "entry", px=ENTRY_MS)
    hands_of(fault).inject(system)
    assert hands_of(fault).in_place(system).holds
    until(lambda: not nodes.kept(entries))
    nodes.write(entries[:1], "again", px=ENTRY_MS)
    until(lambda: not nodes.kept(entries[:1]))
    undo(fault, system)
    nodes.write(entries[:1], "again", px=ENTRY_MS)
    assert nodes.kept(sessions) == len(sessions)
    assert nodes.kept(entries[:1])


def test_a_fill_stops_at_its_share_and_its_undo_deletes_its_own_keys_only(nodes, system, sessions):
    fault = redis_keys.RedisFill(for_=HOLD, share=0.95)
    hands_of(fault).check(system)
    hands_of(fault).inject(system)
    hands_of(fault).renew(system)
    assert hands_of(fault).in_place(system).holds
    for node in redis_cluster.masters(nodes.addresses):
        memory = nodes.client(node.name).info()
        # As Redis itself reckons it: what waits to be sent to the replica is gone in a moment.
        used = memory["used_memory"] - memory["mem_not_counted_for_evict"]
        assert 0.92 < used / memory["maxmemory"] < 0.97
        assert memory["evicted_keys"] == 0
    undo(fault, system)
    assert nodes.kept(sessions) == len(sessions)


def test_a_full_redis_gives_up_cached_entries_before_sessions_that_nobody_used(nodes, system, sessions):
    # Sessions are the oldest keys there are, and the least recently used.
    entries = [f"cache:{{product:{number}}}" for number in range(300)]
    nodes.write(entries, "entry", px=ENTRY_MS - 10_000)
    fault = redis_keys.RedisFill(for_=HOLD, share=1)
    hands_of(fault).inject(system)
    for _ in range(40):
        hands_of(fault).renew(system)
    assert hands_of(fault).in_place(system).holds
    assert nodes.kept(entries) < len(entries) / 2
    assert nodes.kept(sessions) == len(sessions)
    undo(fault, system)


def test_a_share_beyond_everything_is_refused(system):
    with pytest.raises(FaultFailed, match="share"):
        hands_of(redis_keys.RedisFill(for_=HOLD, share=1.5)).check(system)
