"""A recording that a crash cut at any byte is read, and never held; one with a line that is no fact is no recording."""

import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.errors import InvalidFile
from chaos.facts import recording
from chaos.facts.files import EXPERIMENT_FILE, FACTS_FILE, LOAD_FILE, READ_BACK_FILE
from chaos.judge.judge import judge
from compose.settings import ROOT
from tests.unit import recordings

LINES = b"".join(msgspec.json.encode(fact) + b"\n" for fact in recordings.facts())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("run")
    (made / EXPERIMENT_FILE).write_bytes((ROOT / "chaos" / "experiments" / "kill-instance.yaml").read_bytes())
    return made


@settings(max_examples=100, deadline=None)
@given(st.integers(len(LINES.splitlines()[0]) + 1, len(LINES) - 1))
def test_one_that_is_cut_anywhere_is_read_and_not_held(folder, cut):
    (folder / FACTS_FILE).write_bytes(LINES[:cut])
    read = recording.read(folder)
    assert len(read.facts) == LINES[:cut].count(b"\n")
    assert judge(read).outcome == "inconclusive"


@pytest.mark.parametrize(("file", "line"), [(FACTS_FILE, 2), (READ_BACK_FILE, 1), (LOAD_FILE, 1)])
def test_a_line_that_is_no_fact_is_said_with_its_place(folder, file, line):
    (folder / FACTS_FILE).write_bytes(LINES)
    whole = LINES.splitlines(keepends=True) if file == FACTS_FILE else []
    (folder / file).write_bytes(b"".join([*whole[: line - 1], b'{"no": "fact"}\n', *whole[line:]]))
    with pytest.raises(InvalidFile, match=re.escape(f"{file}:{line}")):
        recording.read(folder)
    (folder / file).unlink()
