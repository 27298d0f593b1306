"""Production: broken only by who says so, by experiments that say when to stop; refused before anybody is asked."""

import contextlib
import socket
import sys

import pytest

from chaos.cli import main, production
from chaos.errors import InvalidFile

TARGET = """\
version: 1
name: theirs
production: {production}
state: state
runs: runs
urls: {{ users: "{url}", prometheus: "{url}" }}
control: {{ type: shell, instances: {{ a: {{ state: s, kill: k, start: s }} }} }}
instances: {{ a: {{ role: a }} }}
"""
EXPERIMENT = """\
title: t
claim: c
fault: {{ type: process.kill, instance: a, for: 3s }}
steady_state: [{{ name: n, query: "load:failed:ratio", during: "== 0" }}]
recover_within: 5s
{ends}
"""
ENDS = 'abort_if: [{ query: "load:failed:ratio", bound: "> 0.2", for: 10s }]'
DECK = "title: d\ncards: [{ experiment: one }, { experiment: two }]\n"
COMMANDS = (["run", "one"], ["all"], ["gameday", "--no-console"])


@pytest.fixture
def theirs(tmp_path):
    """A target's folder, and whoever listens there; nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)

        def write(is_production="true", one=ENDS, two=ENDS):
            url = f"http://127.0.0.1:{server.getsockname()[1]}"
            (tmp_path / "target.yaml").write_text(TARGET.format(production=is_production, url=url))
            (tmp_path / "deck.yaml").write_text(DECK)
            (tmp_path / "experiments").mkdir(exist_ok=True)
            for name, ends in (("one", one), ("two", two)):
                (tmp_path / "experiments" / f"{name}.yaml").write_text(EXPERIMENT.format(ends=ends))
            return tmp_path / "target.yaml", server

        yield write


def was_asked(server):
    with contextlib.suppress(BlockingIOError):
        server.accept()[0].close()
        return True
    return False


def command(monkeypatch, capsys, words, target):
    deck = ["--deck", str(target.parent / "deck.yaml")] if words[0] == "gameday" else []
    monkeypatch.setattr(sys, "argv", ["stormdrill", *words, "--target", str(target), *deck])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_it_is_refused_unless_it_is_meant_and_nobody_is_asked(theirs, monkeypatch, capsys, words):
    target, server = theirs()
    code, said = command(monkeypatch, capsys, words, target)
    assert code == 2
    assert "the same command with --yes" in said
    assert not was_asked(server)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize("ends", ["", "abort_if: never", "abort_if: []"])
def test_it_is_refused_where_an_experiment_does_not_say_when_it_ends(theirs, monkeypatch, capsys, words, ends):
    target, server = theirs(one=ends)
    code, said = command(monkeypatch, capsys, [*words, "--yes"], target)
    assert code == 2
    assert "one.yaml: abort_if: the target is production" in said
    assert ENDS in said, "the next step"
    assert not was_asked(server)


def test_one_experiment_of_many_is_enough_to_refuse_them_all(theirs, monkeypatch, capsys):
    target, _ = theirs(two="")
    for words in (["all", "--yes"], ["gameday", "--no-console", "--yes"]):
        code, said = command(monkeypatch, capsys, words, target)
        assert (code, "two.yaml: abort_if" in said) == (2, True)
    # What is not run need not say anything.
    production.assert_meant(target, True, [target.parent / "experiments" / "one.yaml"])


def test_what_is_meant_is_let_through_and_nothing_else_has_to_be(theirs):
    target, _ = theirs()
    files = [target.parent / "experiments" / f"{name}.yaml" for name in ("one", "two")]
    production.assert_meant(target, True, files)
    with pytest.raises(InvalidFile, match="--yes"):
        production.assert_meant(target, False, files)
    target, _ = theirs(is_production="false", one="", two="")
    production.assert_meant(target, False, files)
    production.assert_meant(None, False, files)


def test_the_command_to_repeat_says_it_too(theirs):
    target, _ = theirs()
    assert production.again(target, target) == f"stormdrill run --target {target} --yes {target}"
    target, _ = theirs(is_production="false")
    assert production.again(target, target) == f"stormdrill run --target {target} {target}"
