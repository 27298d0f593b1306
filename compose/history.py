"""Gives the drill's alerting a clean past: Prometheus restarts on a store that holds healthy history.

A 20 s outage stays in a one-hour burn-rate window (60 s in drill time) long after it ended, and a short
history makes a small blip look large. Alertmanager restarts as well: it remembers each group that it notified for
as long as Prometheus sends the resolved alert, 15 minutes that no setting shortens, and a page for such a group
waits up to a group interval longer. `python -m compose.history --state DIR` replaces the store by one
longest window of healthy user traffic that ends at the counters' present values. Orders that were left half-done are
given up at the next sweeps: in their own time they would be found abandoned half a minute later, by the next run.
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import psycopg
import yaml

from compose import healthy_past
from compose.config import render
from compose.healthy_past import Counted
from compose.manager import Manager, started
from compose.pace import timing
from compose.runtime import manager_of, promtool
from compose.topology import LOOPBACK

_WITHIN_SECONDS = 30
_STARTED_WITHIN_SECONDS = 10.0  # the process manager kills after 6 s what has not ended
_RESTARTED = ("alertmanager", "prometheus")
_GIVE_UP = """
UPDATE shop.orders SET attempted_at = now() - interval '1 hour'
WHERE status IN ('pending', 'releasing') AND attempted_at < now() - interval '5 seconds'
"""  # 5 s: longer than an attempt can last, which would else be refused its confirmation
_TIMEOUT_SECONDS = 5  # no fault is live, and a busy machine is slow to answer


@dataclass(frozen=True, slots=True)
class _Target:
    """What Prometheus scrapes, and the labels that it adds."""

    url: str
    labels: dict[str, str]


def replace(state: Path, deadline: float) -> None:
    """Stop Prometheus and Alertmanager, put the healthy history in place of the store, and start both.

    Returns when both are ready; raises TimeoutError when they are not before the monotonic `deadline`.
    """
    target = yaml.safe_load((state / "target.yaml").read_text())
    # One that an earlier release brought up says nothing of a pace, as it had only one.
    urls, profile = target["urls"], timing.at(target.get("pace", timing.FASTEST))
    give_up_half_done_orders(target["postgres"])
    # Before anything is stopped, in case it fails.
    past = _past(state)
    with stopped(manager_of(state), deadline):
        # Else it would take an alert that fired while the stack came up, and is gone, for one already notified.
        (state / "data" / "alertmanager" / "nflog").unlink(missing_ok=True)
        store = state / "data" / "prometheus"
        for child in store.iterdir():  # the folder itself belongs to whom Prometheus runs as
            shutil.rmtree(child) if child.is_dir() else child.unlink()
        source = state / "config" / "history.om"
        source.write_text(healthy_past.openmetrics(past, time.time(), profile))
        render.readable(source)
        promtool(state, ("tsdb", "create-blocks-from", "openmetrics", str(source), str(store)))
        source.unlink()
    for name in _RESTARTED:
        _wait(partial(_answers, f"{urls[name]}/-/ready"), deadline, f"{name} to be ready")


@contextmanager
def stopped(manager: Manager, deadline: float) -> Iterator[None]:
    """Have Prometheus and Alertmanager down for the block; whatever goes wrong, both are started again.

    Raises TimeoutError when they do not end before the monotonic `deadline`. Waits for their start for as long as
    supervisord grants what it stops.
    """
    try:
        for name in _RESTARTED:
            manager.stop(name)
        _wait(lambda: not _running(manager), deadline, "Prometheus and Alertmanager to stop")
        yield
    finally:
        for name in _RESTARTED:
            with suppress(TimeoutError):  # whoever waits for them says that they are not there
                _wait(partial(started, manager, name), time.monotonic() + _STARTED_WITHIN_SECONDS, f"{name} to start")


def give_up_half_done_orders(dsn: str) -> None:
    """Let the next sweeps find every order that is neither confirmed nor being placed. Raises psycopg.Error."""
    with psycopg.connect(dsn, connect_timeout=_TIMEOUT_SECONDS) as connection:
        connection.execute(_GIVE_UP)


def main() -> None:
    """Replace the history of the stack in `--state`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    try:
        replace(parser.parse_args().state, time.monotonic() + _WITHIN_SECONDS)
    except (httpx.HTTPError, OSError, subprocess.SubprocessError, psycopg.Error) as error:
        sys.exit(f"the clean past cannot be put in place: {type(error).__name__}: {error}")


def _past(state: Path) -> list[Counted]:
    (haproxy,) = _targets(state, "haproxy")
    past = healthy_past.answers(_scrape(haproxy), haproxy.labels)
    scraped = []
    for shop in _targets(state, "shop"):
        # Of an instance's metrics ports only as many answer as it has workers. Where it is a container, Docker takes
        # connections for the others too, and cuts them.
        with suppress(httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError):
            scraped.append((shop, _scrape(shop)))
    for shop, exposition in scraped:
        past += healthy_past.durations(exposition, shop.labels, healthy_past.HEALTHY_PER_SECOND / len(scraped))
    return past


def _targets(state: Path, job: str) -> list[_Target]:
    jobs = yaml.safe_load((state / "config" / "prometheus.yml").read_text())["scrape_configs"]
    (found,) = [each for each in jobs if each["job_name"] == job]
    return [
        # The port is the same on this machine, whatever the stack's programs call the host.
        _Target(f"http://{LOOPBACK}:{address.rpartition(':')[2]}/metrics", {**static.get("labels", {}), "job": job})
        for static in found["static_configs"]
        for address in static["targets"]
    ]


def _scrape(target: _Target) -> str:
    return httpx.get(target.url, timeout=_TIMEOUT_SECONDS, trust_env=False).raise_for_status().text


def _running(manager: Manager) -> bool:
    return any(row.pid for row in manager.processes() if row.name in _RESTARTED)


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
