"""What is claimed to be removed is waited for, and what is left is named."""

import pytest

from compose.containers import engine


class Lingering:
    """A network as a Swarm's manager lists it: it says yes to its removal, and is there for a while all the same."""

    def __init__(self, name, looks):
        self.id = self.name = name
        self.looks = looks
        self.asked = 0

    def remove(self):
        self.asked += 1


def listed(things):
    def left():
        for each in things:
            each.looks -= 1
        return [each for each in things if each.looks >= 0]

    return left


def test_it_returns_once_nothing_is_there_any_more(monkeypatch):
    monkeypatch.setattr(engine, "_POLL_SECONDS", 0)
    mine, others = [Lingering("front", 4), Lingering("back", 1)], Lingering("somebody's", 100)
    engine._remove(lambda: mine, listed([*mine, others]))
    assert [each.looks for each in mine] == [-1, -4]
    assert mine[0].asked >= 1
    assert others.asked == 0


def test_what_is_left_at_the_deadline_is_named(monkeypatch):
    monkeypatch.setattr(engine, "_POLL_SECONDS", 0)
    monkeypatch.setattr(engine, "_GONE_WITHIN_SECONDS", 0.01)
    mine = [Lingering("stormdrill_front", 10**9)]
    with pytest.raises(OSError, match=r"^Docker still has stormdrill_front after 0\.01 s$"):
        engine._remove(lambda: mine, listed(mine))


def test_an_engine_on_another_machine_is_not_asked(monkeypatch):
    monkeypatch.setattr(engine, "_docker", lambda: "docker")
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@far.example")
    with pytest.raises(engine.MissingTool, match="on another machine"):
        engine.connect()


def test_what_is_still_being_made_meanwhile_is_removed_as_well(monkeypatch):
    monkeypatch.setattr(engine, "_POLL_SECONDS", 0)
    first, late = Lingering("shop-1", 3), Lingering("shop-2", 6)
    there = [first]

    def mine():
        if first.asked:
            there[1:] = [late]
        return there

    engine._remove(mine, listed(there))
    assert late.asked >= 1
