"""A defect of ours is no verdict: it ends with a code of its own, never with the one of a refuted claim."""

import sys

import pytest

from chaos.cli import main as command_line


@pytest.mark.parametrize("error", [RuntimeError("odd"), OSError(28, "No space left on device"), KeyError("labels")])
def test_a_defect_ends_with_70_and_says_so(monkeypatch, capsys, error):
    def broken():
        raise error

    monkeypatch.setattr(sys, "argv", ["stormdrill", "schema"])
    monkeypatch.setattr(command_line.document, "schema_text", broken)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 70
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith(f"stormdrill: a defect of ours, and no verdict: {type(error).__name__}")
    assert "Traceback" in said
