"""Whoever changes a byte of what was sealed is found out, and a round that was broken off is closed like any other."""

import shutil

import msgspec
import pytest

from chaos.errors import GameRefused, InvalidFile
from chaos.facts import game
from chaos.facts.any_fact import AnyFact
from chaos.facts.game import GAME_FILE, HoldEnded, Joined, Noted, Revealed, RoundBegan
from chaos.facts.run import Injected
from chaos.gameday import ending, sealing
from chaos.gameday.table import Table
from chaos.spec.gameday import seal
from tests.unit.chaos.drill.world import World
from tests.unit.chaos.gameday.test_round import USUAL, Play

FILES = (sealing.SEAL_FILE, "experiment.yaml")
"""What `verify` vouches for, byte by byte; beside the commitment that the round says was shown."""


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The folder of a round that was played to its end."""
    play = Play(tmp_path_factory.mktemp("played"), World(), USUAL)
    play.run()
    assert ending.broken_seal(play.folder) == []
    return play.folder


@pytest.fixture
def copied(played, tmp_path):
    return shutil.copytree(played, tmp_path / "one")


def changes(whole):
    """At every place a byte turned over, one that is added, and one that is taken out."""
    for place, byte in enumerate(whole):
        before, after = whole[:place], whole[place + 1 :]
        yield before + bytes([byte ^ (0x01, 0x20, 0x80)[place % 3]]) + after
        yield before + after
        yield before + bytes([b" \r\n"[place % 3], byte]) + after
    yield from (whole + added for added in (b" ", b"\n", b"\r\n", b"\0"))


@pytest.mark.parametrize("name", FILES)
def test_no_byte_of_what_was_sealed_can_be_changed(copied, name):
    file = copied / name
    whole = file.read_bytes()
    game_ = copied / GAME_FILE
    complete = game_.read_bytes()
    game_.write_bytes(complete.splitlines(keepends=True)[0])  # what was done in it is read anew each time
    for changed in changes(whole):
        if changed == whole:
            continue
        file.write_bytes(changed)
        assert ending.broken_seal(copied), changed
    file.write_bytes(whole)
    game_.write_bytes(complete)
    assert ending.broken_seal(copied) == []


def test_nor_of_what_was_shown_before_it(copied):
    file = copied / GAME_FILE
    whole, shown = file.read_bytes(), sealing.read(copied).commitment
    place = whole.index(shown.encode())
    for at in range(place, place + len(shown)):
        for turned in (0x01, 0x02, 0x80):
            file.write_bytes(whole[:at] + bytes([whole[at] ^ turned]) + whole[at + 1 :])
            with_it, without = said(copied, shown), said(copied)
            assert with_it
            assert without


def said(folder, *shown):
    try:
        return ending.broken_seal(folder, *shown)
    except GameRefused as refused:  # it is no game any more
        return [str(refused)]


@pytest.mark.parametrize("key", ["more", '"sealed": 1, "more'])
def test_a_key_that_no_seal_has_is_found(copied, key):
    file = copied / sealing.SEAL_FILE
    file.write_bytes(file.read_bytes().replace(b"{", b'{"%b": 1,' % key.strip('"').encode(), 1))
    assert ending.broken_seal(copied)


def test_who_seals_anew_and_says_that_this_was_shown_is_found_by_who_noted_it(copied):
    shown = sealing.read(copied).commitment
    other = seal.seal(msgspec.structs.replace(sealing.read(copied).sealed, delay_seconds=0.0))
    (copied / sealing.SEAL_FILE).write_bytes(seal.encode(other))
    file = copied / GAME_FILE
    file.write_bytes(file.read_bytes().replace(shown.encode(), other.commitment.encode()))
    assert ending.broken_seal(copied) == [], "its own word is all that there is"
    assert any("was shown before it began" in one for one in ending.broken_seal(copied, shown))


def test_what_is_no_text_is_no_defect(copied):
    (copied / "experiment.yaml").write_bytes(b"title: \xff\n")
    [one] = ending.broken_seal(copied)
    assert "not the one that was sealed" in one
    (copied / GAME_FILE).write_bytes(b'{"game":"noted","number":1,"at":1.0,"who":"\xff","text":""}\n')
    with pytest.raises(GameRefused):
        ending.broken_seal(copied)


@pytest.mark.parametrize("text", ["title: t\r\nclaim: c\r\n", "\ufefftitle: t\n", "title: \u00fc"])
def test_a_file_is_sealed_with_every_byte_that_it_has(tmp_path, text):
    file = tmp_path / "one.yaml"
    file.write_bytes(text.encode())
    made = seal.seal(msgspec.structs.replace(SEALED, experiment=sealing.as_written(file)))
    assert seal.read(seal.encode(made)).sealed.experiment.encode() == file.read_bytes()


def test_a_file_that_is_no_text_cannot_be_sealed(tmp_path):
    (tmp_path / "one.yaml").write_bytes(b"\xff")
    with pytest.raises(InvalidFile, match="cannot be read"):
        sealing.as_written(tmp_path / "one.yaml")


SEALED = seal.Sealed("kill", "title: t\n", 5.0, [], "", False, 7, 0)


@pytest.fixture
def left(copied):
    """The same round as it lies there when whoever played it was killed in the middle of it: `left(True)`: held."""

    def broken_off(held, without_names=False):
        private = copied / sealing.SEALED_FOLDER
        private.mkdir()
        (private / "played").touch()
        for name in (*FILES, "recording.ndjson", "load.ndjson"):
            if (copied / name).exists():
                (copied / name).rename(private / name)
        for file in copied.iterdir():
            if file.is_file() and file.name != GAME_FILE:
                file.unlink()
        lines = (private / "recording.ndjson").read_bytes().splitlines(keepends=True)
        facts = [msgspec.json.decode(line, type=AnyFact) for line in lines]
        injected = next(at for at, fact in enumerate(facts) if isinstance(fact, Injected))
        (private / "recording.ndjson").write_bytes(b"".join(lines[: injected + held]))
        facts = [fact for fact in game.read(copied / GAME_FILE) if not isinstance(fact, HoldEnded)]
        facts[0] = msgspec.structs.replace(facts[0], without_names=without_names)
        (copied / GAME_FILE).unlink()
        for fact in (*facts, Joined(0, 1.0, "Ann", "host"), Noted(0, 2.0, "Ann", "x")):
            game.append(copied / GAME_FILE, fact)
        return Table(copied)

    return broken_off


@pytest.mark.parametrize("held", [True, False])
def test_a_round_that_was_broken_off_is_closed_when_it_is_revealed(left, held):
    table = left(held)
    told = ending.reveal(table.folder)
    assert [fact.how for fact in table.all(HoldEnded)] == ["broken off"] * held
    assert isinstance(table.facts[-1], Revealed)
    assert table.facts[-1].at >= max(fact.at for fact in table.facts)
    assert bool(ending.recording.read(table.folder).first(Injected)) is held
    assert told.score.ended == ("broken off" if held else "")
    with pytest.raises(GameRefused, match="is over"):
        table.note("Ann", "too late")
    assert ending.broken_seal(table.folder) == []
    with pytest.raises(GameRefused, match="not sealed"):
        ending.reveal(table.folder)


def test_a_reveal_that_was_broken_off_itself_can_be_repeated_and_closes_nothing_twice(left, monkeypatch):
    table = left(True)
    with monkeypatch.context() as crashes:
        crashes.setattr(sealing, "reveal", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ending.reveal(table.folder)
    ending.reveal(table.folder)
    assert [type(fact) for fact in table.facts].count(Revealed) == 1
    assert [type(fact) for fact in table.facts].count(HoldEnded) == 1


@pytest.mark.parametrize("without", [True, False])
def test_names_are_left_out_if_the_round_was_begun_so(left, without):
    table = left(True, without)
    assert table.began.without_names is without
    ending.reveal(table.folder)
    assert ("Ann" in table.file.read_text()) is not without
    once = table.file.read_bytes()
    ending.write(table.folder)
    assert table.file.read_bytes() == once


def test_what_an_earlier_release_began_has_names():
    began = RoundBegan(1, 0.0, 0.0, 0.0, "", 1.0, 1.0, "", [], [], [], {}, [], 1.0)
    whole = msgspec.json.decode(msgspec.json.encode(began))
    del whole["without_names"]
    assert msgspec.json.decode(msgspec.json.encode(whole), type=RoundBegan) == began
