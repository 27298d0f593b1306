"""A recording is played from when the room is there; where a console is to be found is said as others find it."""

import socket

import msgspec
import pytest

from chaos.console import process, starting
from chaos.console.reader import Reader
from chaos.facts.game import GAME_FILE, Revealed, append
from tests.fakes import FakeClock
from tests.unit.chaos.console import rounds
from tests.unit.chaos.console.rounds import client, sealed_round


@pytest.fixture
def over(tmp_path):
    with sealed_round(tmp_path / "one"):
        pass
    append(tmp_path / "one" / GAME_FILE, Revealed(0, 20.0))
    return tmp_path / "one"


def replay(folder, waits):
    return rounds.settings(folder, speed=10.0, starts=str(folder.parent / "one.began"), waits=waits)


def test_it_waits_for_the_host_however_long_pages_are_there(over):
    given, clock = replay(over, waits=True), FakeClock(1000.0)
    reader = Reader(given, clock)
    reader.page_asks()
    clock.now += 3600
    waiting = reader.state()
    assert (waiting.stage, waiting.run, waiting.events) == ("waiting", "", [])
    assert "as soon as its host begins it" in waiting.words
    assert reader.frame() is None
    starting.begin(over.parent / "one.began", clock)
    assert reader.state().now == -2.0, "five seconds before something might be broken"
    clock.now += 1.0
    assert reader.state().now == 8.0


def test_where_nobody_can_begin_it_the_first_page_does(over):
    clock = FakeClock(1000.0)
    first = Reader(replay(over, waits=False), clock)
    assert first.state().stage == "waiting", "whoever only looks whether it is there begins nothing"
    clock.now += 3600
    first.page_asks()
    assert first.state().now == -2.0
    clock.now += 1.0
    first.page_asks()
    assert first.state().now == 8.0
    again = Reader(replay(over, waits=False), clock)
    assert again.state().now == 8.0, "a console that is begun again goes on with it"


def test_a_page_is_what_begins_it(over):
    began = over.parent / "one.began"
    given = replay(over, waits=False)
    browser = client(given, clock=FakeClock(1000.0))
    browser.get("/static/style.css")
    assert not began.exists()
    assert browser.get("/state").json()["run"] == "one"
    assert float(began.read_text()) == 1000.0


def test_it_begins_once(tmp_path):
    file = tmp_path / "one.began"
    starting.begin(file, FakeClock(5.0))
    starting.begin(file, FakeClock(6.0))
    assert float(file.read_text()) == 5.0
    assert list(tmp_path.iterdir()) == [file]


class Way:
    """A datagram's socket on a machine whose way out is from these addresses, by family; elsewhere is none."""

    def __init__(self, out):
        self.out = out

    def __call__(self, family, kind):
        assert kind == socket.SOCK_DGRAM
        if family not in self.out:
            raise OSError("no such family")
        self.family = family
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def connect(self, _):
        pass

    def getsockname(self):
        return self.out[self.family], 1234


@pytest.mark.parametrize(
    ("address", "out", "said"),
    [
        ("0.0.0.0", {socket.AF_INET: "10.1.2.3"}, "10.1.2.3"),
        ("::", {socket.AF_INET6: "fd00::5", socket.AF_INET: "10.1.2.3"}, "fd00::5"),
        ("::", {socket.AF_INET: "10.1.2.3"}, "10.1.2.3"),
        ("0.0.0.0", {}, socket.gethostname()),
        ("192.0.2.7", {socket.AF_INET: "10.1.2.3"}, "192.0.2.7"),
        ("127.0.0.1", {socket.AF_INET: "10.1.2.3"}, "127.0.0.1"),
    ],
)
def test_the_address_that_is_printed_is_one_by_which_others_come(address, out, said):
    assert process.outgoing(address, Way(out)) == said


def test_an_address_of_ipv6_stands_in_brackets(tmp_path):
    given = msgspec.structs.replace(rounds.settings(tmp_path, rounds.TOKENS), address="::")
    assert dict(given.urls("fd00::5"))["host"] == "http://[fd00::5]:80/enter/host-token"
