"""The undo of network faults where something has changed since: a proxy is gone, a link is called otherwise."""

import socket
import time

import httpx
import msgspec
import pytest

from chaos.errors import SignalUnavailable
from chaos.faults import network
from chaos.faults.hands import System
from chaos.faults.table import hands_of
from chaos.reach.toxiproxy import Toxiproxy
from chaos.spec.values import Duration
from tests.component.test_network_faults import HOLD, ports, system, toxiproxy

__all__ = ["ports", "system", "toxiproxy"]
LATE = network.Latency(HOLD, link="all", latency=Duration.parse("200ms"))
DOWN = network.Down(HOLD, link="all")


def toxics(system):
    return [
        toxic.name for proxy in Toxiproxy(system.target.urls.toxiproxy).proxies().values() for toxic in proxy.toxics
    ]


def test_a_proxy_that_is_gone_keeps_no_other_poisoned(system, ports, toxiproxy):
    hands_of(LATE).inject(system)
    httpx.delete(f"{toxiproxy}/proxies/one").raise_for_status()
    hands_of(LATE).undo(system)
    assert toxics(system) == []
    assert hands_of(LATE).undone(system).holds


def test_a_proxy_that_is_gone_keeps_no_other_down(system, ports, toxiproxy):
    hands_of(DOWN).inject(system)
    httpx.delete(f"{toxiproxy}/proxies/one").raise_for_status()
    hands_of(DOWN).undo(system)
    assert Toxiproxy(toxiproxy).proxies()["two"].enabled
    assert hands_of(DOWN).undone(system).holds


def test_a_link_that_is_called_otherwise_by_now_is_put_back_all_the_same(system, ports):
    hands_of(LATE).inject(system)
    renamed = System(msgspec.structs.replace(system.target, links={"other": ["one", "two"]}), system.control)
    assert not hands_of(LATE).undone(renamed).holds
    hands_of(LATE).undo(renamed)
    assert toxics(system) == []
    assert hands_of(LATE).undone(renamed).holds


def test_a_toxiproxy_that_hangs_does_not_hold_an_undo_up(system):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        urls = msgspec.structs.replace(system.target.urls, toxiproxy=f"http://127.0.0.1:{silent.getsockname()[1]}")
        hung = System(msgspec.structs.replace(system.target, urls=urls), system.control)
        began = time.monotonic()
        with pytest.raises(SignalUnavailable):
            hands_of(LATE).undo(hung)
        assert time.monotonic() - began < 10
