"""How many connections HAProxy may have follows from the machine, and what is asked for has room."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compose import sizing
from compose.config import render, scrape, target_file
from compose.limits import CONTAINER, Limits
from compose.settings import InvalidSettings, from_environment
from compose.sizing import FILES_A_CONNECTION, FULL, MOST_EDGES, MOST_UNASKED, OWN_FILES, refusal, size
from compose.topology import EDGES_FROM, PORT_SPAN, build

GIB = 2**30
TWO_CORES = Limits(files=20_000, memory_bytes=6 * GIB, cores=2)
LIMITS = st.builds(
    Limits,
    files=st.integers(1024, 2_000_000),
    memory_bytes=st.integers(GIB // 16, 64 * GIB),
    cores=st.integers(0, 256),
)


def settings(connections=0, limits=TWO_CORES, **environment):
    read = from_environment(
        {"STORMDRILL_STATE": "/var/tmp/x", "STORMDRILL_CONNECTIONS": str(connections), **environment}
    )
    # As read on a machine with these limits.
    return type(read)(**{name: getattr(read, name) for name in read.__slots__} | {"limits": limits})


@given(connections=st.integers(0, 2_000_000), limits=LIMITS)
def test_no_process_needs_more_files_than_it_may_open(connections, limits):
    sized = size(settings(connections, limits))
    for held in (sized.connections, sized.connections_an_edge):
        assert OWN_FILES + FILES_A_CONNECTION * held <= limits.files


@given(connections=st.integers(1, 2_000_000), limits=LIMITS)
def test_what_is_asked_for_has_room_below_the_alert_or_is_refused(connections, limits):
    asked = settings(connections, limits)
    if not refusal(asked, apart=False):
        assert size(asked).for_users * FULL >= connections


@given(limits=LIMITS)
def test_unasked_it_is_one_process_that_a_drill_can_fill(limits):
    sized = size(settings(0, limits))
    assert sized.edges == 0
    assert sized.for_users == sized.connections <= MOST_UNASKED


@given(connections=st.integers(0, 100_000), more=st.integers(1, 100_000), limits=LIMITS)
def test_more_files_never_make_it_less(connections, more, limits):
    larger = Limits(limits.files + more, limits.memory_bytes, limits.cores)
    before, after = size(settings(connections, limits)), size(settings(connections, larger))
    assert after.edges <= before.edges
    if connections == 0:
        assert after.connections >= before.connections


def test_a_hundred_thousand_on_the_machine_that_readme_describes():
    sized = size(settings(100_000))
    # One process has room for 9,900: what the kernel deals to each edge by chance stays far from that.
    assert (sized.edges, sized.connections) == (14, 9_900)
    assert sized.connections_an_edge == pytest.approx(100_000 / FULL / 14, abs=1)


@pytest.mark.parametrize(
    ("limits", "edges"), [(Limits(1_048_576, 6 * GIB, 8), 0), (Limits(131_072, 6 * GIB, 8), 3), (TWO_CORES, 14)]
)
def test_edges_come_where_the_file_limit_asks_for_them(limits, edges):
    assert size(settings(100_000, limits)).edges == edges


@pytest.mark.parametrize(
    ("connections", "limits", "apart", "reason"),
    [
        (0, Limits(300, GIB), False, "may open 300 files"),
        (100_000, TWO_CORES, True, "RUNTIME=native"),
        (2_000_000, Limits(4_096, 64 * GIB), False, f"{MOST_EDGES} is the most"),
        (1_000_000, Limits(20_000, GIB), False, "MiB"),
    ],
)
def test_what_cannot_be_had_is_refused_with_what_to_change(connections, limits, apart, reason):
    assert reason in refusal(settings(connections, limits), apart=apart)


def test_what_is_refused_for_files_is_not_with_as_many_as_it_says():
    told = refusal(settings(2_000_000, Limits(4_096, 64 * GIB)), apart=False)
    enough = int(re.findall(r"to (\d+)$", told)[0])
    assert not refusal(settings(2_000_000, Limits(enough, 64 * GIB)), apart=False)
    assert refusal(settings(2_000_000, Limits(enough - 200, 64 * GIB)), apart=False)


def test_the_configuration_says_what_was_sized():
    asked = settings(100_000)
    stack = build(asked)
    rendered = render.haproxy_cfg(asked, stack)
    assert re.findall(r"^    maxconn (\d+)", rendered, re.MULTILINE) == ["9900"]
    assert "nbthread 2" in rendered
    edge = render.edge_cfg(stack.of_role("edge")[0], asked, stack)
    assert re.findall(r"^    maxconn (\d+)", edge, re.MULTILINE) == [str(size(asked).connections_an_edge)]


def test_in_a_container_the_machine_does_not_count():
    for limits in (TWO_CORES, Limits(1_048_576, 64 * GIB, 64)):
        asked = settings(0, limits)
        stack = build(asked, apart=True)
        rendered = render.haproxy_cfg(asked, stack)
        assert re.findall(r"^    maxconn (\d+)", rendered, re.MULTILINE) == [str(size(asked, CONTAINER).connections)]
        assert "nbthread" not in rendered
        told = target_file.describe(asked, stack, "compose", {})
        assert told["connections"] == size(asked, CONTAINER).for_users


def test_the_edges_are_in_front_and_have_ports_of_their_own():
    plain, asked = build(settings()), build(settings(100_000))
    assert asked.users == plain.users == plain.one("haproxy").port != asked.one("haproxy").port
    edges = asked.of_role("edge")
    ports = [edge.port for edge in edges]
    assert len(set(ports)) == len(edges) == 14
    assert min(ports) == plain.one("haproxy").port + EDGES_FROM >= plain.one("haproxy").port + PORT_SPAN
    assert asked.all_ports()[asked.users] == "the edges"
    assert set(ports) < asked.all_ports().keys()
    told = target_file.describe(settings(100_000), asked, "native", {})
    assert told["connections"] == size(settings(100_000)).for_users
    assert told["urls"]["users"] == f"http://127.0.0.1:{asked.users}"


def test_the_edges_alone_cache_and_haproxy_believes_them_alone():
    asked = settings(100_000)
    stack, plain = build(asked), build(settings())
    one, edge = render.haproxy_cfg(asked, stack), render.edge_cfg(stack.of_role("edge")[0], asked, stack)
    assert ("cache products" in one, "cache products" in edge) == (False, True)
    assert "cache products" in render.haproxy_cfg(settings(), plain)
    assert "set-src" in one
    assert "set-src" not in render.haproxy_cfg(settings(), plain)
    without = settings(100_000, SHOP_HTTP_CACHE="off")
    assert "cache products" not in render.edge_cfg(stack.of_role("edge")[0], without, stack)


@pytest.mark.parametrize("connections", [100_000, 1_000_000])
def test_all_edges_together_leave_haproxy_room(connections):
    asked = settings(connections)
    stack = build(asked)
    edges = stack.of_role("edge")
    told = [re.findall(r"server haproxy \S+ maxconn (\d+)", render.edge_cfg(edge, asked, stack)) for edge in edges]
    assert sum(int(number) for (number,) in told) < 0.8 * size(asked).connections


def test_prometheus_asks_each_edge_by_its_name():
    jobs = {job.name: job for job in scrape.jobs(build(settings(100_000)))}
    stack = build(settings(100_000))
    assert {(target.instance, target.port) for target in jobs["edge"].targets} == {
        (edge.name, edge.port) for edge in stack.of_role("edge")
    }
    assert [target.instance for target in jobs["haproxy"].targets] == ["haproxy"]
    assert "edge" not in {job.name for job in scrape.jobs(build(settings()))}


@pytest.mark.parametrize(("connections", "seconds"), [(0, 30), (1_000, 120), (100_000, 120)])
def test_users_who_ask_seldom_are_kept_where_there_are_many(connections, seconds):
    asked = settings(connections)
    stack = build(asked)
    texts = [render.haproxy_cfg(asked, stack), *(render.edge_cfg(edge, asked, stack) for edge in stack.of_role("edge"))]
    assert [re.findall(r"timeout http-keep-alive (\d+)s", text) for text in texts] == [[str(seconds)]] * len(texts)


def test_another_number_is_another_stack_and_none_is_the_one_of_before():
    assert settings(100_000).fingerprint() != settings(200_000).fingerprint() != settings().fingerprint()
    assert "connections" not in settings().fingerprint()


@pytest.mark.parametrize("value", ["-1", "x", "3000000"])
def test_what_is_no_number_of_connections_is_named(value):
    with pytest.raises(InvalidSettings, match="STORMDRILL_CONNECTIONS"):
        settings(value)


def test_a_process_is_asked_for_its_own_limits():
    assert sizing.size(from_environment({"STORMDRILL_STATE": "/var/tmp/x"})).connections > 0
