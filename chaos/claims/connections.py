"""Claim 1: so many connections are held, each of which asks now and then, also while something behind is wrong."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path

import httpx

from chaos.claims.bench import Bench
from chaos.claims.holding import Holding, Wanted, holding, jobs
from chaos.claims.stack import Stack
from chaos.control.of_target import control_of
from chaos.errors import StackUnreachable
from chaos.faults.hands import OURS
from chaos.machine import cpu_time, memory
from chaos.reach import http
from chaos.reach.haproxy import HAProxy
from chaos.reach.toxiproxy import Toxic, Toxiproxy

RAMP, HOLD = "ramp", "hold"
KILL, RESTART, SLOW = "kill", "restart", "slow-postgres"
PATHS = [f"/products/sku-{number:04d}" for number in range(1, 11)]
TOO_LOW = "maxconn-too-low"
_STOPS_WITHIN_SECONDS = 15.0
_BACK_WITHIN_SECONDS = 30.0
_ANSWERS_WITHIN_SECONDS = 5.0
_POLL_SECONDS = 0.1
_AROUND_SECONDS = 400
"""How long all phases may take beyond what they are to, before the processes are ended by the kernel."""


def measure(bench: Bench) -> None:
    """Open all, hold them, and hold them through three disturbances."""
    number = int(bench.number("connections"))
    too_low = bench.deviates(TOO_LOW)
    stack = bench.stack({"STORMDRILL_CONNECTIONS": str(number // 2 if too_low else number)})
    disturbances = {} if too_low or not bench.number("disturbed_seconds") else DISTURBANCES
    bench.reading("room", stack.target.connections, "connections")
    planned = bench.number("ramp_seconds") + bench.number("hold_seconds")
    planned += len(disturbances) * bench.number("disturbed_seconds")
    wanted = Wanted(
        number,
        int(bench.number("processes")),
        bench.number("ramp_seconds"),
        bench.number("every_seconds"),
        planned + _AROUND_SECONDS,
    )
    with holding(bench, jobs(bench, stack.target.urls.users, wanted, [RAMP, HOLD, *disturbances], PATHS)) as held:
        _ramp_and_hold(bench, stack, held, wanted)
        for name, disturb in disturbances.items():
            began = time.monotonic()
            held.next_phase()
            disturb(bench, stack)
            bench.wait(max(0.0, began + bench.number("disturbed_seconds") - time.monotonic()))
            bench.reading("disturbed", time.monotonic() - began, "s", phase=name)
        held.next_phase()
        held.seen()


def _ramp_and_hold(bench: Bench, stack: Stack, held: Holding, wanted: Wanted) -> None:
    haproxy = _haproxy(stack)
    _warm(stack)
    before = _memory(held.pids, haproxy)
    held.next_phase()
    bench.wait(wanted.ramp_seconds)
    cpu, began = cpu_time.seconds(haproxy), time.monotonic()
    held.next_phase()
    bench.wait(bench.number("hold_seconds"))
    for part, after in _memory(held.pids, haproxy).items():
        bench.reading("memory", after - before[part], "bytes", part=part)
    computed = cpu_time.seconds(haproxy) - cpu
    bench.reading("cpu", computed / (time.monotonic() - began), "cores", part="haproxy")


def _warm(stack: Stack) -> None:
    """Have each edge's cache hold what will be asked for, by its own port: what a cold one does is another claim."""
    fronts = [stack.port(name) for name in _of_role(stack, "edge")]
    for url in [f"http://127.0.0.1:{port}" for port in fronts] or [stack.target.urls.users]:
        for path in PATHS:
            try:
                http.get(f"{url}{path}", _ANSWERS_WITHIN_SECONDS).raise_for_status()
            except httpx.HTTPError as error:
                raise StackUnreachable(f"{url}{path} does not answer: {error!r}") from error


def _haproxy(stack: Stack) -> list[int]:
    """The processes of HAProxy and its edges, each of which is one."""
    states = control_of(stack.target).states()
    return [states[name].pid for name, one in stack.target.instances.items() if one.role in ("haproxy", "edge")]


def _memory(client: list[int], haproxy: list[int]) -> dict[str, int]:
    try:
        buffers, kernel = memory.socket_buffers_bytes(), memory.kernel_bytes()
    except (OSError, ValueError) as error:
        raise StackUnreachable(f"the kernel does not say what connections take: {error}") from error
    return {
        "client": memory.resident_bytes(client),
        "haproxy": memory.resident_bytes(haproxy),
        "kernel": buffers + kernel,
    }


Disturbance = Callable[[Bench, Stack], None]
"""Something goes wrong, and is well again when it returns; what was done is recorded."""


def _kill(bench: Bench, stack: Stack) -> None:
    victim = _of_role(stack, "shop")[0]
    control = control_of(stack.target)
    try:
        control.kill(victim)
        bench.reading("killed", 1, phase=KILL, instance=victim)
        bench.wait(bench.number("disturbed_seconds") / 2)
    finally:
        control.start(victim)
    _until(bench, lambda: _serves(stack, victim), _BACK_WITHIN_SECONDS, f"{victim} to be back")


def _restart(bench: Bench, stack: Stack) -> None:
    for name in (*_of_role(stack, "inventory"), *_of_role(stack, "shop")):
        _restart_one(bench, stack, name)


def _restart_one(bench: Bench, stack: Stack, name: str) -> None:
    control = control_of(stack.target)
    before = control.states()[name].pid
    try:
        control.stop(name)
        _until(bench, lambda: control.states()[name].kept_down, _STOPS_WITHIN_SECONDS, f"{name} to end")
    finally:
        control.start(name)
    _until(bench, lambda: _serves(stack, name), _BACK_WITHIN_SECONDS, f"{name} to be back")
    if control.states()[name].pid not in (0, before):
        bench.reading("restarted", 1, phase=RESTART, instance=name)


def _slow_postgres(bench: Bench, stack: Stack) -> None:
    toxiproxy, name = Toxiproxy(stack.target.urls.toxiproxy), f"{OURS}claims"
    late = int(bench.number("postgres_latency_ms"))
    proxies = stack.target.links["postgres"]
    try:
        for proxy in proxies:
            toxiproxy.add(proxy, Toxic(name, "latency", "downstream", {"latency": late, "jitter": 0}))
        # An order that there is none of is looked for in Postgres each time.
        began = time.monotonic()
        try:
            http.get(f"{stack.target.urls.users}/orders/{uuid.uuid4()}", _ANSWERS_WITHIN_SECONDS)
        except httpx.HTTPError as error:
            bench.note(f"with a slow Postgres an order could not be asked for: {error!r}")
        bench.reading("order_read", time.monotonic() - began, "s", phase=SLOW)
        bench.wait(bench.number("disturbed_seconds"))
    finally:
        for proxy in proxies:
            toxiproxy.remove(proxy, name)


DISTURBANCES: dict[str, Disturbance] = {KILL: _kill, RESTART: _restart, SLOW: _slow_postgres}


def _of_role(stack: Stack, role: str) -> list[str]:
    return [name for name, one in stack.target.instances.items() if one.role == role]


def _serves(stack: Stack, name: str) -> bool:
    """Whether it says that it wants requests, and HAProxy gives it some."""
    one = stack.target.instances[name]
    try:
        if http.get(one.ready, _ANSWERS_WITHIN_SECONDS).status_code != httpx.codes.OK:
            return False
    except httpx.HTTPError:
        return False
    return (HAProxy(Path(stack.target.haproxy)).status(f"{one.role}/{name}") or "") == "UP"


def _until(bench: Bench, holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise StackUnreachable(f"waited {seconds:g} s for {what}")
        bench.wait(_POLL_SECONDS)
