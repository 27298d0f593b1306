"""What `adopt` writes is people's own from then on."""

import msgspec
import pytest

from chaos.campaign import adoption
from chaos.errors import InvalidFile
from chaos.facts.alerts import AlertmanagerConfigured, RuleSeen
from chaos.facts.inventory import Inventory, RuleRuns, Scraped
from chaos.spec import routing
from chaos.spec.skeleton import Servers
from tests.unit.chaos.verdict.test_coverage import EXPERIMENT
from tests.unit.recordings import facts

AM = 'route: { receiver: pager }\nreceivers: [{ name: pager, webhook_configs: [{ url: "http://x" }] }]\n'
LOUDER = AM.replace("pager }", "pager, group_wait: 1s }")
DOWN = RuleSeen(0.0, "g", "Down", False, 'up{job="shop"} == 0', 1.0, 0.0, {"severity": "warning"}, {}, 15.0)
OTHER = msgspec.structs.replace(DOWN, name="Other")


@pytest.fixture
def folder(tmp_path):
    """A run that has proven Down as it was then, below a stack's folder."""
    (tmp_path / "experiments").mkdir()
    experiment = EXPERIMENT.replace("HAProxyServerDown", "Down").replace("ShopInstanceDown", "Down")
    (tmp_path / "experiments" / "kill.yaml").write_text(experiment)
    run = tmp_path / "runs" / "one"
    run.mkdir(parents=True)
    first, *rest = facts()
    changed = [msgspec.structs.replace(first, experiment_id="kill", run_id="one"), *rest]
    told = [DOWN, OTHER, AlertmanagerConfigured(0.0, AM, "0.25.0")]
    lines = [msgspec.json.encode(fact) for fact in (changed[0], *told, *changed[1:])]
    (run / "recording.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    (run / "experiment.yaml").write_text(experiment)
    return tmp_path


def servers(receiver):
    return Servers("http://p", "http://a", "http://u", "http://g", receiver)


def inventory(*rules, routed=AM, targets=()):
    seen = {DOWN.query.removesuffix(" == 0"): frozenset({"shop-2"})}
    return Inventory(tuple(map(RuleRuns, rules)), {}, seen, targets, routing=routing.read(routed))


def test_what_was_written_once_is_peoples_own(folder, tmp_path):
    there = inventory(DOWN, targets=(Scraped("shop", "shop-2"), Scraped("prometheus", "p:1")))
    first = adoption.adopt(there, None, tmp_path / "s", servers)
    assert {one.name for one in first.written} == {"target.yaml", "kill-shop-2.yaml", "pause-shop-2.yaml"}
    (tmp_path / "s" / "experiments" / "pause-shop-2.yaml").unlink()
    (tmp_path / "s" / "target.yaml").write_text("mine")
    second = adoption.adopt(there, None, tmp_path / "s", servers)
    assert (second.written, second.news) == ([], [])
    assert (tmp_path / "s" / "target.yaml").read_text() == "mine"


def test_what_no_adoption_wrote_is_no_earlier_one(folder):
    (folder / "adopted.json").write_text("{}")
    with pytest.raises(InvalidFile, match="not what an earlier adoption wrote"):
        adoption.adopt(inventory(DOWN), None, folder, servers)
