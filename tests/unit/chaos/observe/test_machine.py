"""The machine as a witness: how long processes waited for a CPU, by phase."""

import pytest

from chaos.facts.processes import MachineSeen
from chaos.judge.judge import judge
from chaos.observe import machine
from chaos.report import terminal
from tests.unit.recordings import BASELINE, INJECTED, facts, recording


def test_the_kernels_own_count_is_read(tmp_path, monkeypatch):
    file = tmp_path / "cpu"
    file.write_text("some avg10=97.36 avg60=93.06 avg300=82.31 total=2500000\nfull avg10=0.00 total=7\n")
    monkeypatch.setattr(machine, "PRESSURE", file)
    assert machine.look(4.0) == [MachineSeen(4.0, 2.5)]


def test_a_kernel_that_does_not_count_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "PRESSURE", tmp_path / "none")
    assert machine.look(4.0) == []


def test_the_report_says_how_short_of_cpu_each_phase_was():
    seen = [MachineSeen(BASELINE, 10.0), MachineSeen(INJECTED, 11.0), MachineSeen(INJECTED + 1, 12.0)]
    verdict = judge(recording(facts=(*facts(), *seen, MachineSeen(INJECTED + 3, 13.5))))
    shares = {phase.phase: phase.cpu_pressure for phase in verdict.phases}
    assert shares == {"before": pytest.approx(0.2), "during": pytest.approx(2.5 / 3), "after": None}
    assert "20%" in terminal.render(verdict, "runs/x")
