"""Who plays is told where there is something to look at, before anything is broken."""

from chaos.cli import whose
from compose.settings import ROOT


def test_of_a_stack_that_is_not_ours_the_pages_that_its_target_names():
    assert whose.to_look_at(ROOT / "tests" / "tinyapp" / "target.yaml") == [
        "to look at:",
        "  users        http://127.0.0.1:27100",
    ]


def test_of_our_own_stack_its_addresses_also_where_no_page_answers(monkeypatch):
    monkeypatch.setenv("STORMDRILL_PORT_BASE", "45000")  # nobody answers there
    monkeypatch.setenv("RUNTIME", "native")
    told = "\n".join(whose.to_look_at(None))
    assert "to ask with curl:" in told
    assert "http://127.0.0.1:45" in told
    assert "Grafana, with this stack's dashboards" in told, "and how to have what is missing"
