"""Claim 2: so many cached requests a second, asked by wrk as fast as it is answered, and how long others then wait."""

import os
import re
import shutil
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from chaos.claims.bench import Bench
from chaos.control.of_target import control_of
from chaos.errors import SignalUnavailable
from chaos.load.open_loop.job import Asked, Job
from chaos.machine import cpu_time
from chaos.machine.process_identity import is_alive, spawn_command, stop

NO_CACHE = "no-http-cache"
PRODUCT = "/products/sku-0001"
_GONE_WITHIN = timedelta(seconds=3)
_POLL_SECONDS = 0.02
_BEYOND_SECONDS = 20.0
"""After its time wrk waits for what is on its way."""
_SAYS = re.compile(r"Requests/sec: +([0-9.]+)")
_ERRORS = re.compile(
    r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)|Non-2xx or 3xx responses: (\d+)"
)


def measure(bench: Bench) -> None:
    """Several rounds of wrk, while a probe asks at an even rate."""
    if (program := shutil.which("wrk")) is None:
        raise SignalUnavailable("wrk is not there: `make setup-claims` installs it")
    stack = bench.stack({"SHOP_HTTP_CACHE": "off"} if bench.deviates(NO_CACHE) else {})
    haproxy = [control_of(stack.target).states()["haproxy"].pid]
    users = stack.target.urls.users
    address = urlsplit(users)
    job = Job(
        host=address.hostname or "",
        port=address.port or 80,
        requests=[Asked(path=PRODUCT)],
        connections=int(bench.number("probe_connections")),
    )
    with bench.loading(job, "probe", probe="beside wrk") as probe:
        probe.begun()
        for number in range(int(bench.number("rounds"))):
            _round(bench, program, f"{users}{PRODUCT}", haproxy, number)
        bench.seen(probe)


def _round(bench: Bench, program: str, url: str, haproxy: list[int], number: int) -> None:
    seconds = int(bench.number("round_seconds"))
    log = bench.folder / f"wrk-{number}.log"
    threads, connections = int(bench.number("wrk_threads")), int(bench.number("wrk_connections"))
    computed, theirs, began = cpu_time.seconds(haproxy), cpu_time.of_ended_children(os.getpid()), time.monotonic()
    wrk = spawn_command((program, f"-t{threads}", f"-c{connections}", f"-d{seconds}s", url), log, {})
    try:
        while is_alive(wrk):
            if time.monotonic() > began + seconds + _BEYOND_SECONDS:
                raise SignalUnavailable("wrk does not end")
            bench.wait(_POLL_SECONDS)
    finally:
        stop(wrk, _GONE_WITHIN)
    lasted = time.monotonic() - began
    rate, errors = said(log)
    told = {"round": str(number)}
    bench.reading("rate", rate, "requests/s", **told)
    bench.reading("errors", errors, "requests", **told)
    bench.reading("cpu", (cpu_time.seconds(haproxy) - computed) / lasted, "cores", part="haproxy", **told)
    bench.reading("cpu", (cpu_time.of_ended_children(os.getpid()) - theirs) / lasted, "cores", part="wrk", **told)


def said(log: Path) -> tuple[float, int]:
    """Requests a second, and how many were not answered well. Raises SignalUnavailable where it does not say."""
    text = log.read_text()
    rate = _SAYS.search(text)
    if rate is None:
        raise SignalUnavailable(f"wrk says no rate: {text[-300:].strip()}")
    return float(rate[1]), sum(int(one) for found in _ERRORS.findall(text) for one in found if one)
