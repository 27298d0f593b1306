"""Network faults against a real Toxiproxy: each does to a connection what it says, and nothing of it is left."""

import contextlib
import socket
import socketserver
import subprocess
import threading
import time
from contextlib import contextmanager

import httpx
import msgspec
import pytest

from chaos.drill.use import Use
from chaos.errors import FaultFailed
from chaos.facts.run import Used
from chaos.faults import network
from chaos.faults.table import hands_of
from chaos.machine import sockets
from chaos.reach.toxiproxy import Proxy, Toxiproxy
from chaos.spec.values import Duration
from compose.tools import find
from tests import fakes
from tests.component.links import (
    GIVE_UP_SECONDS,
    LATE_SECONDS,
    connected,
    echo_seconds,
    quickest,
    spared,
    what_becomes_of,
    works,
)
from tests.ports import free_port
from tests.waiting import until

HOLD = Duration.parse("10s")


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


@pytest.fixture(scope="module")
def toxiproxy():
    """The URL of a Toxiproxy of this module's own."""
    port = free_port()
    server = subprocess.Popen((find().path("toxiproxy-server"), "-port", str(port)))
    url = f"http://127.0.0.1:{port}"
    until(lambda: answers(url))
    yield url
    server.terminate()
    server.wait(5)


def answers(url):
    try:
        return httpx.get(f"{url}/version").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def ports(toxiproxy):
    """Proxies `one` and `two` in front of an echo server: their ports."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as echo:
        echo.daemon_threads = True
        threading.Thread(target=echo.serve_forever, args=(0.01,), daemon=True).start()
        address = f"127.0.0.1:{echo.server_address[1]}"
        proxies = {name: free_port() for name in ("one", "two")}
        for name, port in proxies.items():
            body = {"name": name, "listen": f"127.0.0.1:{port}", "upstream": address}
            httpx.post(f"{toxiproxy}/proxies", json=body | {"enabled": True}).raise_for_status()
        yield proxies
        for name in proxies:
            httpx.delete(f"{toxiproxy}/proxies/{name}")
        echo.shutdown()


@pytest.fixture
def system(tmp_path, toxiproxy):
    made = fakes.system(tmp_path)
    urls = msgspec.structs.replace(made.target.urls, toxiproxy=toxiproxy)
    links = {"all": ["one", "two"], "all/one": ["one"], "gone": ["three"]}
    return fakes.System(msgspec.structs.replace(made.target, urls=urls, links=links), made.control)


@contextmanager
def injected(fault, system):
    hands_of(fault).check(system)
    hands_of(fault).inject(system)
    assert hands_of(fault).in_place(system).holds
    assert not hands_of(fault).undone(system).holds
    try:
        yield
    finally:
        hands_of(fault).undo(system)
        hands_of(fault).undo(system)  # safe to repeat
        assert hands_of(fault).undone(system).holds
        assert not hands_of(fault).in_place(system).holds
        hands_of(fault).check(system)


def test_what_callers_send_through_a_link_is_counted_and_an_idle_one_is_refused(system, ports):
    use = Use(network.Down(HOLD, link="all/one"))
    with connected(ports["one"]) as old, connected(ports["two"]) as other:
        echo_seconds(old, b"x" * 400)
        use.look(system)
        echo_seconds(other, b"x" * 5000)
        use.look(system)
        with pytest.raises(FaultFailed, match="callers sent 0 bytes through link all/one"):
            use.result()
        echo_seconds(old, b"x" * 500)
        use.look(system)
        assert use.result() == Used({"all/one": 500.0})


def test_connections_that_come_and_go_between_two_looks_are_counted(system, ports):
    use = Use(network.Down(HOLD, link="all/one"))
    use.look(system)
    for _ in range(4):
        with connected(ports["one"]) as short:
            echo_seconds(short, b"x" * 400)

    def all_are_counted():
        use.look(system)
        # Until the other ends are closed as well there are too few of them.
        with contextlib.suppress(FaultFailed):
            return use.result().parts["all/one"] == 4 * sockets.ENDED_BYTES

    until(all_are_counted)


def test_latency_delays_answers_on_connections_old_and_new(system, ports):
    with connected(ports["one"]) as old:
        echo_seconds(old)
        fault = network.Latency(HOLD, link="all", latency=Duration.parse("200ms"))
        with injected(fault, system), connected(ports["two"]) as new:
            assert quickest(old) >= LATE_SECONDS
            assert quickest(new) >= LATE_SECONDS
        assert quickest(old) < LATE_SECONDS


def test_both_directions_are_twice_as_late(system, ports):
    fault = network.Latency(HOLD, link="all/one", latency=Duration.parse("120ms"), direction="both")
    with injected(fault, system), connected(ports["one"]) as connection:
        assert 0.24 <= quickest(connection) < GIVE_UP_SECONDS


def test_jitter_spreads(system, ports):
    fault = network.Latency(HOLD, link="all", latency=Duration.parse("50ms"), jitter=Duration.parse("40ms"))
    with injected(fault, system), connected(ports["one"]) as connection:
        took = [echo_seconds(connection) for _ in range(12)]
    assert max(took) - min(took) > 0.01
    assert min(took) >= 0.01


def test_one_callers_own_link_leaves_the_others_alone(system, ports):
    with injected(network.Latency(HOLD, link="all/one", latency=Duration.parse("200ms")), system):
        assert not works(ports["one"])
        assert works(ports["two"])


def test_bandwidth_is_what_a_connection_carries(system, ports):
    with injected(network.Bandwidth(HOLD, link="all", rate="10KB/s"), system), connected(ports["one"]) as connection:
        assert echo_seconds(connection, b"x" * 3000) >= 0.25


def test_timeout_loses_data_and_leaves_the_connection_open(system, ports):
    with injected(network.Timeout(HOLD, link="all"), system), connected(ports["one"]) as connection:
        assert what_becomes_of(connection) == "silence"
    assert works(ports["one"])


def test_timeout_closes_after_a_while(system, ports):
    fault = network.Timeout(HOLD, link="all", closes_after=Duration.parse("100ms"))
    with injected(fault, system), connected(ports["one"]) as connection:
        assert what_becomes_of(connection) == "cut"


def test_reset_peer_cuts(system, ports):
    with injected(network.ResetPeer(HOLD, link="all"), system), connected(ports["one"]) as connection:
        assert what_becomes_of(connection) == "cut"
    assert works(ports["one"])


def test_a_share_of_the_connections_is_hit_and_chosen_anew(system, ports):
    fault = network.ResetPeer(HOLD, link="all/one", share=0.5)
    with injected(fault, system), connected(ports["two"]) as other:
        fates = set()
        for _ in range(40):
            with connected(ports["one"]) as connection:
                fates.add(what_becomes_of(connection))
        assert fates == {"answer", "cut"}
        assert what_becomes_of(other) == "answer"


def test_who_was_spared_is_hit_sooner_or_later(system, ports):
    # A pool would otherwise keep just those.
    fault = network.ResetPeer(HOLD, link="all", share=0.5)
    with injected(fault, system), spared(ports["one"]) as connection:
        for _ in range(40):
            hands_of(fault).renew(system)
            assert hands_of(fault).in_place(system).holds
            if what_becomes_of(connection) == "cut":
                return
    pytest.fail("never hit in 40 throws")


def test_slow_close_passes_the_end_on_late(system, ports):
    fault = network.SlowClose(HOLD, link="all", delay=Duration.parse("200ms"))
    with injected(fault, system), connected(ports["one"]) as connection:
        assert quickest(connection) < LATE_SECONDS
        began = time.monotonic()
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
        assert time.monotonic() - began >= LATE_SECONDS


def test_down_refuses_and_cuts(system, ports):
    with connected(ports["one"]) as old:
        echo_seconds(old)
        with injected(network.Down(HOLD, link="all"), system):
            with pytest.raises(ConnectionRefusedError):
                connected(ports["two"])
            assert what_becomes_of(old) == "cut"
    assert works(ports["one"])
    assert works(ports["two"])


def test_only_what_was_disabled_is_enabled(system, ports, toxiproxy):
    fault = network.Down(HOLD, link="all")
    Toxiproxy(toxiproxy).enable("two", False)
    hands_of(fault).inject(system)  # as if somebody had been faster than the check
    hands_of(fault).undo(system)
    assert works(ports["one"])
    with pytest.raises(ConnectionRefusedError):
        connected(ports["two"])


def test_only_our_own_toxics_are_taken_away(system, ports, toxiproxy):
    other = {"name": "theirs", "type": "latency", "attributes": {"latency": 1}}
    with injected(network.Latency(HOLD, link="all", latency=Duration.parse("1ms")), system):
        httpx.post(f"{toxiproxy}/proxies/one/toxics", json=other).raise_for_status()
    assert [toxic.name for toxic in Toxiproxy(toxiproxy).proxies()["one"].toxics] == ["theirs"]


def test_a_toxic_that_somebody_takes_away_or_changes_is_not_in_place(system, ports, toxiproxy):
    fault = network.Latency(HOLD, link="all", latency=Duration.parse("100ms"))
    with injected(fault, system):
        toxics = f"{toxiproxy}/proxies/two/toxics"
        (name,) = [toxic["name"] for toxic in httpx.get(toxics).json()]
        httpx.post(f"{toxics}/{name}", json={"attributes": {"latency": 1}}).raise_for_status()
        assert not hands_of(fault).in_place(system).holds
        httpx.delete(f"{toxics}/{name}").raise_for_status()
        assert not hands_of(fault).in_place(system).holds


def test_an_inject_cut_short_is_undone(system, ports, toxiproxy):
    fault = network.Latency(HOLD, link="all", latency=Duration.parse("100ms"))
    Toxiproxy(toxiproxy).add("one", hands_of(fault)._toxics(system)[0])
    with pytest.raises(FaultFailed, match="already"):
        hands_of(fault).check(system)
    hands_of(fault).undo(system)
    assert hands_of(fault).undone(system).holds


def test_a_link_or_proxy_that_is_not_there_is_named(system, ports):
    with pytest.raises(FaultFailed, match="no link nowhere"):
        hands_of(network.Down(HOLD, link="nowhere")).check(system)
    with pytest.raises(FaultFailed, match="no proxy three"):
        hands_of(network.Down(HOLD, link="gone")).check(system)


@pytest.mark.parametrize("kept", [True, False])
def test_who_takes_a_connection_only_to_cut_it_takes_none(kept, monkeypatch):
    """As Docker does for a container's published port on which nobody listens."""
    if not kept:
        # However late the thread below is.
        monkeypatch.setattr(network, "_CUT_WITHIN_SECONDS", 10.0)
    with socket.create_server(("127.0.0.1", 0)) as docker, contextlib.ExitStack() as open_connections:

        def serve():
            connection, _ = docker.accept()
            open_connections.enter_context(connection)
            if not kept:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        proxy = Proxy("one", f"[::]:{docker.getsockname()[1]}", True, [])
        assert network._takes_connections(proxy, "http://127.0.0.1:1") is kept
        thread.join(5)
