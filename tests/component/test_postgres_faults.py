"""Faults of Postgres against a real one: what they take is taken, and given back whoever dies."""

import os
import signal
import threading

import msgspec
import psycopg
import pytest

from chaos.agents.job import Place
from chaos.drill.use import Use
from chaos.errors import FaultFailed
from chaos.faults import postgres
from chaos.faults.hands import System
from chaos.faults.table import hands_of
from chaos.machine.process_identity import Child
from chaos.spec.values import Duration
from compose.config import connections
from compose.config.programs import postgres_dsn
from tests import fakes
from tests.waiting import until

pytestmark = pytest.mark.stack

HOLD = Duration.parse("10s")
TABLE = "fault_test.mine"
LOCKS = postgres.HoldLocks(HOLD, tables=[TABLE])
CONNECTIONS = postgres.TakeConnections(HOLD, share=0.9)
# Long enough to be seen at work, and cancelled by every undo; does not starve the tests beside it.
QUERIES = postgres.SlowQueries(HOLD, query="SELECT pg_sleep(60)", connections=2)


@pytest.fixture(scope="module")
def dsn(stack):
    """Straight to Postgres, where there is a table that nobody else uses."""
    dsn = postgres_dsn(stack.topology, stack.topology.one("postgres").port)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA fault_test")
        connection.execute(f"CREATE TABLE {TABLE} (id int)")
        yield dsn
        connection.execute("DROP SCHEMA fault_test CASCADE")


@pytest.fixture
def system(tmp_path, dsn):
    made = fakes.system(tmp_path)
    return System(msgspec.structs.replace(made.target, postgres=dsn), made.control)


@pytest.fixture
def look(dsn):
    """The first column of a statement's first row."""
    with psycopg.connect(dsn, autocommit=True, application_name="test") as connection:
        yield lambda statement: connection.execute(statement).fetchone()[0]


@pytest.fixture
def inject(system):
    """Inject a fault and see that it is in place; it is undone at the end of the test at the latest."""
    live = []

    def put(fault):
        live.append(fault)
        hands_of(fault).check(system)
        hands_of(fault).inject(system)
        assert hands_of(fault).in_place(system).holds

    yield put
    for fault in live:
        undo(fault, system)


def undo(fault, system):
    hands_of(fault).undo(system)
    until(lambda: hands_of(fault).undone(system).holds)
    assert not hands_of(fault).in_place(system).holds
    hands_of(fault).undo(system)  # safe to repeat


def kill_agent(system, fault):
    place = Place(system.target.state_folder / "agents", f"stormdrill-{fault.__struct_config__.tag}")
    os.kill(msgspec.json.decode(place.process.read_bytes(), type=Child).pid, signal.SIGKILL)


def readable(dsn, patience_ms=200):
    with psycopg.connect(dsn, autocommit=True, options=f"-c lock_timeout={patience_ms}") as connection:
        try:
            connection.execute(f"SELECT * FROM {TABLE}")
        except psycopg.errors.LockNotAvailable:
            return False
        return True


BY_US = "application_name = 'stormdrill-postgres.take_connections'"
OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stormdrill-{}'"


def test_who_reads_and_writes_tables_is_counted_and_nobody_is_refused(system, look):
    def of_catalogues():
        use = Use(CONNECTIONS)
        use.look(system)
        for _ in range(20):
            look("SELECT count(*) FROM pg_stat_activity")
        use.look(system)
        return use

    def none_is_counted():
        # What the shops read before, or read in a sweep, Postgres may tell of just now.
        return use if (use := of_catalogues())._grown["Postgres"] < 10 else None

    use = until(none_is_counted)
    with pytest.raises(FaultFailed, match="clients used tables of Postgres"):
        use.result()
    for _ in range(20):
        look(f"SELECT count(*) FROM {TABLE}")
    # A client that is idle tells the server's statistics ten seconds later.
    until(lambda: use.look(system) or use._grown["Postgres"] >= 20, 30)
    assert use.result().parts["Postgres"] >= 20


def test_who_waits_for_a_lock_is_seen(system, inject, dsn):
    inject(LOCKS)
    assert hands_of(LOCKS).meets(system) == 0.0
    waiting = threading.Thread(target=lambda: readable(dsn, patience_ms=20_000))
    waiting.start()
    until(lambda: hands_of(LOCKS).meets(system) == 1.0)
    undo(LOCKS, system)
    waiting.join()


def test_locks_hold_readers_up_until_they_are_undone(system, inject, dsn):
    assert readable(dsn)
    inject(LOCKS)
    assert not readable(dsn)
    undo(LOCKS, system)
    assert readable(dsn)


def test_locks_for_a_while_let_readers_through_in_between(inject, dsn):
    inject(postgres.HoldLocks(HOLD, tables=[TABLE], at_a_time=Duration.parse("300ms")))
    seen = set()
    until(lambda: seen.add(readable(dsn)) or seen == {True, False})


def test_locks_against_writers_leave_readers_alone(inject, dsn, look):
    inject(postgres.HoldLocks(HOLD, tables=[TABLE], mode="EXCLUSIVE"))
    assert readable(dsn)
    assert look(f"SELECT count(*) FROM pg_locks WHERE relation = '{TABLE}'::regclass AND mode = 'ExclusiveLock'") == 1


def test_what_is_taken_is_the_share_and_comes_back(system, inject, look):
    slots = int((connections.MOST - 3) * 0.9)  # Postgres keeps three for its superuser
    inject(CONNECTIONS)
    in_use = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    until(lambda: slots <= look(in_use) <= slots + 5)  # somebody else may have come or gone since
    # What is lost is taken up again.
    newest = f"SELECT pid FROM pg_stat_activity WHERE {BY_US} ORDER BY backend_start DESC LIMIT 5"
    look(f"SELECT count(pg_terminate_backend(pid)) FROM ({newest}) AS newest")
    until(lambda: look(in_use) >= slots)
    undo(CONNECTIONS, system)
    assert look(OURS.format("postgres.take_connections")) == 0


def test_queries_run_and_are_cancelled(system, inject, look):
    inject(QUERIES)
    running = OURS.format("postgres.slow_queries") + " AND state = 'active'"
    until(lambda: look(running) == 2)
    undo(QUERIES, system)
    assert look(OURS.format("postgres.slow_queries")) == 0


@pytest.mark.parametrize("fault", [LOCKS, CONNECTIONS, QUERIES], ids=lambda fault: fault.__struct_config__.tag)
def test_an_agent_that_is_killed_leaves_nothing_behind(system, inject, look, fault):
    inject(fault)
    kill_agent(system, fault)
    until(lambda: not hands_of(fault).in_place(system).holds)
    undo(fault, system)
    assert look(OURS.format(fault.__struct_config__.tag)) == 0


@pytest.mark.parametrize("fault", [LOCKS, QUERIES], ids=lambda fault: fault.__struct_config__.tag)
def test_the_server_notices_a_dead_agent_by_itself(system, inject, look, fault):
    inject(fault)
    kill_agent(system, fault)
    until(lambda: look(OURS.format(fault.__struct_config__.tag)) == 0)  # the query itself takes a minute


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (postgres.HoldLocks(HOLD, tables=["shop.nothing"]), "no table shop.nothing"),
        (postgres.TakeConnections(HOLD, share=0.01), "in use already"),
        (postgres.SlowQueries(HOLD, query="SELEKT", connections=1), "refuses the query"),
    ],
)
def test_what_cannot_be_done_is_said_beforehand(system, fault, reason):
    with pytest.raises(FaultFailed, match=reason):
        hands_of(fault).check(system)


def test_a_postgres_that_is_not_there_is_no_place_for_it(stack, system):
    away = System(msgspec.structs.replace(system.target, postgres=postgres_dsn(stack.topology, 1)), system.control)
    with pytest.raises(FaultFailed, match="does not answer"):
        hands_of(LOCKS).check(away)
