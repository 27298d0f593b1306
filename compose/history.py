"""Gives the drill's alerting a clean past: Prometheus restarts on a store that holds healthy history.

A 20 s outage stays in a one-hour burn-rate window (60 s in drill time) long after it ended, and a short
history makes a small blip look large. Alertmanager restarts as well: it remembers each group that it notified for
as long as Prometheus sends the resolved alert, 15 minutes that no setting shortens, and a page for such a group
waits up to a group interval longer. `python -m compose.history --state DIR` replaces the store by one
longest window of healthy user traffic that ends at the counters' present values.
"""

import argparse
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import yaml

from compose.supervisor import Supervisor
from compose.tools import find

HISTORY_SECONDS = 420  # the longest drill window is 6 h / 60 = 360 s
_STEP_SECONDS = 1
_RESTARTED = ("alertmanager", "prometheus")
_HEALTHY_PER_SECOND = 50.0
_SERIES = re.compile(r"^(haproxy_frontend_http_responses_total)\{(.*)\} (\S+)$")


def healthy_history(exposition: str, instance: str, now: float) -> str:
    """OpenMetrics text of HISTORY_SECONDS before `now` in which only successful answers were counted.

    Every counter ends at the value it has in `exposition`, so that the first real scrape goes on from it.
    """
    lines = ["# TYPE haproxy_frontend_http_responses counter"]
    for line in exposition.splitlines():
        if not (match := _SERIES.match(line)):
            continue
        name, labels, value = match.groups()
        per_second = _HEALTHY_PER_SECOND if 'code="2xx"' in labels else 0.0
        for ago in range(HISTORY_SECONDS, 0, -_STEP_SECONDS):
            past = float(value) - per_second * ago
            lines.append(f'{name}{{{labels},instance="{instance}",job="{instance}"}} {past} {now - ago:.3f}')
    return "\n".join([*lines, "# EOF", ""])


def replace(state: Path, deadline: float) -> None:
    """Stop Prometheus and Alertmanager, put the healthy history in place of the store, and start both.

    Returns when both are ready; raises TimeoutError when they are not before the monotonic `deadline`.
    """
    urls = yaml.safe_load((state / "target.yaml").read_text())["urls"]
    metrics = httpx.get(_haproxy_metrics_url(state), timeout=2, trust_env=False).text
    supervisor = Supervisor(state / "supervisor.sock")
    for name in _RESTARTED:
        supervisor.stop(name)
    _wait(lambda: not _running(supervisor), deadline, "Prometheus and Alertmanager to stop")
    # Else it would take an alert that fired while the stack came up, and is gone, for one already notified.
    (state / "data" / "alertmanager" / "nflog").unlink(missing_ok=True)
    store = state / "data" / "prometheus"
    shutil.rmtree(store)
    store.mkdir()
    source = state / "data" / "history.om"
    source.write_text(healthy_history(metrics, "haproxy", time.time()))
    promtool = str(find().path("promtool"))
    subprocess.run(
        (promtool, "tsdb", "create-blocks-from", "openmetrics", source, store),
        check=True,
        capture_output=True,
        timeout=20,
    )
    source.unlink()
    for name in _RESTARTED:
        supervisor.start(name)
        _wait(partial(_answers, f"{urls[name]}/-/ready"), deadline, f"{name} to be ready")


def main() -> None:
    """Replace the history of the stack in `--state`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    replace(parser.parse_args().state, time.monotonic() + 20)


def _haproxy_metrics_url(state: Path) -> str:
    jobs = yaml.safe_load((state / "config" / "prometheus.yml").read_text())["scrape_configs"]
    (target,) = next(job for job in jobs if job["job_name"] == "haproxy")["static_configs"][0]["targets"]
    return f"http://{target}/metrics"


def _running(supervisor: Supervisor) -> bool:
    return any(row.pid for row in supervisor.processes() if row.name in _RESTARTED)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _wait(condition: Callable[[], bool], deadline: float, what: str) -> None:
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
