"""`alerts/series.yml` is true of a running stack: what rules and dashboards read is there before the first fault."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import chain

import pytest

from alerts.lint import dashboards, series, snapshot
from alerts.lint.folder import Folders, read
from alerts.lint.promql import name_of, selectors
from alerts.lint.promql import read as parse
from chaos.spec import loads
from chaos.spec.load import LoadSettings
from chaos.spec.loads import ShopLoad
from compose.settings import ROOT

pytestmark = [pytest.mark.stack, pytest.mark.slow]

ALL_SEEN_WITHIN_SECONDS = 60.0
_OF_ACTIVITY = {"application_name", "backend_type", "usename", "wait_event", "wait_event_type"}
# Labels that some releases of the servers have and others have not; no rule or panel reads one.
OF_A_RELEASE = {
    "prometheus_build_info": {"branch", "revision", "tags"},
    "prometheus_notifications_dropped_total": {"alertmanager"},
    "prometheus_notifications_queue_length": {"alertmanager"},
    "alertmanager_notifications_failed_total": {"reason"},
    "redis_instance_info": {"master_replid"},
    "pg_database_size_bytes": {"server"},
    "pg_locks_count": {"server"},
    "pg_stat_activity_count": _OF_ACTIVITY,
    "pg_stat_activity_max_tx_duration": _OF_ACTIVITY,
    "pg_stat_database_conflicts": {"server"},
    "pg_stat_database_deadlocks": {"server"},
    "pg_stat_database_xact_commit": {"server"},
    "pg_stat_database_xact_rollback": {"server"},
}


@pytest.fixture
def under_load(stack, tmp_path) -> Iterator[str]:
    """The address of Prometheus, of a stack that users are busy with."""
    flags = chain.from_iterable(
        (f"--{name.replace('_', '-')}", str(value)) for name, value in LoadSettings().as_fact().items()
    )
    command = [sys.executable, "-m", "chaos.load", tmp_path, stack.url("shop"), str(time.monotonic()), *flags]
    told = os.environ | {loads.TOLD: loads.to_json(ShopLoad())}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    load = subprocess.Popen(list(map(str, command)), cwd=ROOT, env=told, **silent)
    yield stack.url("prometheus")
    load.terminate()
    load.wait(30)


def untrue(url: str) -> list[str]:
    """What rules or dashboards read, or the committed snapshot says, and the running stack does not have."""
    everything = read(Folders(ROOT / "alerts", ROOT / "dashboards", None))
    committed, live = snapshot.load(ROOT / "alerts" / "series.yml"), snapshot.Snapshot(series.take(url))
    asked = [rule.expression for rule in everything.rules]
    asked += [dashboards.filled_in(panel.expression) for panel in everything.panels or ()]
    found = {each for text in asked for each in selectors(parse(text)) if ":" not in name_of(each)}
    faults = [fault for each in found for fault in live.faults_of(each, frozenset(everything.alerts))]
    for name in {name_of(each) for each in found} & committed.metrics.keys() & live.metrics.keys():
        here, there = committed.metrics[name], live.metrics[name]
        either = OF_A_RELEASE.get(name, set())
        if (here.type, here.labels.keys() - either) != (there.type, there.labels.keys() - either):
            faults.append(f"{name}: series.yml says {here}, the stack {there}")
    return sorted(set(faults))


def test_every_series_that_rules_and_dashboards_read_is_there_before_the_first_fault(under_load):
    give_up_at = time.monotonic() + ALL_SEEN_WITHIN_SECONDS
    while (said := untrue(under_load)) and time.monotonic() < give_up_at:
        time.sleep(0.5)
    assert not said, "\n".join(said)
