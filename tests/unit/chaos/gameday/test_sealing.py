"""The sealed folder: nobody else's while the round is played, and laid open whatever becomes of it."""

import stat
from pathlib import Path

import pytest

from chaos.errors import GameRefused
from chaos.gameday import sealing
from chaos.spec.gameday import seal
from chaos.spec.gameday.seal import Sealed

MADE = seal.seal(Sealed("kill", "title: t\n", 5.0, [], "", False, 7, 0))


def test_while_it_is_played_it_is_its_owners_and_cannot_be_revealed(tmp_path):
    folder = tmp_path / "runs" / "one"
    with sealing.sealed(folder, MADE) as private:
        (private / "recording.ndjson").write_text("secret")
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert sealing.is_sealed(folder)
        assert sealing.is_played(folder)
        assert sealing.read(folder) == MADE
        with pytest.raises(GameRefused, match="is played just now"):
            sealing.reveal(folder)
        assert [one.name for one in folder.iterdir()] == [sealing.SEALED_FOLDER]
    assert sorted(one.name for one in folder.iterdir()) == ["recording.ndjson", "seal.json"]
    assert not sealing.is_sealed(folder)
    assert not sealing.is_played(folder)
    assert sealing.read(folder) == MADE


def test_it_is_laid_open_also_when_the_round_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), sealing.sealed(tmp_path / "one", MADE):
        raise ZeroDivisionError
    assert (tmp_path / "one" / "seal.json").exists()


def test_one_that_was_broken_off_can_be_revealed(tmp_path):
    with sealing.sealed(tmp_path / "one", MADE) as private:
        content = {file.name: file.read_bytes() for file in private.iterdir()}
    left = tmp_path / "other" / sealing.SEALED_FOLDER
    left.mkdir(parents=True)
    for name, what in content.items():
        (left / name).write_bytes(what)
    assert sealing.is_sealed(left.parent)
    assert not sealing.is_played(left.parent), "whoever played it is gone"
    sealing.reveal(left.parent)
    sealing.reveal(left.parent)
    assert [one.name for one in left.parent.iterdir()] == ["seal.json"]


def test_what_is_no_round_is_said(tmp_path):
    with pytest.raises(GameRefused, match="no round of a game day"):
        sealing.read(tmp_path)
    (tmp_path / "seal.json").write_text("{}")
    with pytest.raises(GameRefused, match="no seal"):
        sealing.read(tmp_path)


def test_at_no_moment_it_is_sealed_and_nobody_plays_it(tmp_path, monkeypatch):
    """Whoever sees that takes the round for broken off."""
    folder, seen = tmp_path / "one", []

    def watched(does):
        def look(*arguments, **more):
            done = does(*arguments, **more)
            seen.append((sealing.is_sealed(folder), sealing.is_played(folder)))
            return done

        return look

    with sealing.sealed(folder, MADE) as private:
        (private / "recording.ndjson").write_text("secret")
        for name in ("replace", "rename", "unlink", "rmdir"):
            monkeypatch.setattr(Path, name, watched(getattr(Path, name)))
    monkeypatch.undo()
    assert len(seen) >= 4
    assert (True, False) not in seen
    assert seen[-1] == (False, False)
    assert list(folder.glob(".*")) == []
