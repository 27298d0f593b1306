"""Faults of the load balancer on a real HAProxy with the stack's own configuration."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec
import pytest

import chaos.reach.haproxy
import compose.config.haproxy
from chaos.drill.use import Use
from chaos.errors import FaultFailed, SignalUnavailable
from chaos.faults.table import hands_of
from chaos.reach.haproxy import HAProxy
from chaos.spec.faults.balancer import HAProxyDrain, HAProxyFoolChecks
from chaos.spec.values import Duration
from tests.component.balancer import balanced, eject_all, haproxy, rapid
from tests.component.instances import Instance, running
from tests.fakes import system as system_of
from tests.waiting import until

HELD = Duration(seconds=5)
DRAIN = HAProxyDrain(HELD, "shop/shop-2")
BOTH = ("shop/shop-2", "shop/panic-shop-2")
FOOL = HAProxyFoolChecks(HELD, ("shop/shop-2",), "shop/shop-1")


@pytest.fixture
def two(tmp_path):
    """HAProxy with two instances, both in use: what the attacker sees, HAProxy, and the second instance."""
    instances = Instance("shop-1"), Instance("shop-2")
    with balanced(tmp_path, *instances, SHOP_HTTP_CACHE="off") as balancer:
        seen = system_of(tmp_path)
        system = msgspec_replace(seen, haproxy=str(tmp_path / "run" / "haproxy.sock"))
        yield system, balancer, instances[1]


def msgspec_replace(system, **changes):
    return type(system)(msgspec.structs.replace(system.target, **changes), system.control)


def served_by(balancer, requests=20):
    answers = [balancer.get() for _ in range(requests)]
    assert {answer.status_code for answer in answers} == {200}
    return {answer.headers["X-Served-By"] for answer in answers}


@pytest.mark.parametrize("fault", [DRAIN, FOOL])
def test_requests_of_a_server_are_counted_and_an_idle_one_is_refused(two, fault):
    system, balancer, _ = two
    use = Use(fault)
    use.look(system)
    use.look(system)
    with pytest.raises(FaultFailed, match="HAProxy gave shop/shop-2 0 requests"):
        use.result()
    assert len(served_by(balancer, 40)) == 2
    use.look(system)
    assert use.result().parts["shop/shop-2"] == pytest.approx(20, abs=5)


def test_what_somebody_has_put_into_maintenance_since_is_left_and_said(two):
    system, _, _ = two
    haproxy = HAProxy(Path(system.target.haproxy))
    hands_of(DRAIN).inject(system)
    haproxy.tell(f"set server {BOTH[0]} state maint")
    hands_of(DRAIN).undo(system)
    until(lambda: hands_of(DRAIN).undone(system).holds)
    assert haproxy.status(BOTH[0]) == "MAINT"
    assert haproxy.status(BOTH[1]) == "UP"
    assert f"{BOTH[0]} is in somebody else's maintenance" in hands_of(DRAIN).undone(system).detail


def test_a_port_that_somebody_else_has_asked_since_is_left_and_said(two):
    system, _, _ = two
    haproxy = HAProxy(Path(system.target.haproxy))
    hands_of(FOOL).inject(system)
    haproxy.tell(f"set server {BOTH[0]} check-port 9")
    hands_of(FOOL).undo(system)
    assert haproxy.ports(BOTH[0])[1] == 9
    own, asked = haproxy.ports(BOTH[1])
    assert asked == own
    assert hands_of(FOOL).undone(system).holds
    assert f"somebody else has {BOTH[0]} asked at another port" in hands_of(FOOL).undone(system).detail


@pytest.mark.parametrize("fault", [DRAIN, FOOL])
def test_it_is_in_place_until_it_is_undone(two, fault):
    system, _, _ = two
    hands_of(fault).check(system)
    assert not hands_of(fault).in_place(system).holds
    assert hands_of(fault).undone(system).holds
    hands_of(fault).inject(system)
    assert hands_of(fault).in_place(system).holds
    assert not hands_of(fault).undone(system).holds
    for _ in range(2):
        hands_of(fault).undo(system)
    until(lambda: hands_of(fault).undone(system).holds)
    assert not hands_of(fault).in_place(system).holds


def test_a_drained_server_gets_nothing_new(two):
    system, balancer, _ = two
    assert served_by(balancer) == {"shop-1", "shop-2"}
    hands_of(DRAIN).inject(system)
    assert served_by(balancer) == {"shop-1"}
    hands_of(DRAIN).undo(system)
    until(lambda: served_by(balancer) == {"shop-1", "shop-2"})


def test_a_drained_server_gets_nothing_when_outlier_detection_has_ejected_the_others(tmp_path):
    shops = Instance("shop-1"), Instance("shop-2"), Instance("shop-3")
    with balanced(tmp_path, *shops) as balancer, rapid(balancer) as ask:
        system = msgspec_replace(system_of(tmp_path), haproxy=str(tmp_path / "run" / "haproxy.sock"))
        hands_of(DRAIN).inject(system)
        answers = eject_all(balancer, (shops[0], shops[2]), ask) + ask(90)
        # Each answer is an instance's own, which HAProxy's 503 is not: there were requests to be given away.
        assert {served_by for _, served_by in answers} == {"shop-1", "shop-3"}
        assert not shops[1].requests
        assert hands_of(DRAIN).in_place(system).holds
        hands_of(DRAIN).undo(system)
        until(lambda: hands_of(DRAIN).undone(system).holds)
        # As long as the others are ejected; they return, and fail, and are ejected again.
        until(lambda: {served_by for _, served_by in ask(10)} == {"shop-2"})


@pytest.mark.parametrize("fault", [DRAIN, FOOL])
@pytest.mark.parametrize("undo_cut_short", BOTH)
def test_half_of_it_is_neither_in_place_nor_undone(two, fault, undo_cut_short):
    system, _, _ = two
    port, _ = HAProxy(Path(system.target.haproxy)).ports("shop/shop-2")
    hands_of(fault).inject(system)
    half = "state ready" if fault is DRAIN else f"check-port {port}"
    HAProxy(Path(system.target.haproxy)).tell(f"set server {undo_cut_short} {half}")
    assert not hands_of(fault).in_place(system).holds
    assert not hands_of(fault).undone(system).holds


@pytest.mark.parametrize("fault", [DRAIN, FOOL])
def test_where_an_instance_has_one_server_that_one_will_do(tmp_path, fault):
    with balanced(tmp_path, Instance("shop-1"), Instance("shop-2"), SHOP_OUTLIER_DETECTION="off"):
        haproxy = HAProxy(tmp_path / "run" / "haproxy.sock")
        assert haproxy.status("shop/panic-shop-2") is None
        system = msgspec_replace(system_of(tmp_path), haproxy=str(tmp_path / "run" / "haproxy.sock"))
        hands_of(fault).check(system)
        hands_of(fault).inject(system)
        assert hands_of(fault).in_place(system).holds
        hands_of(fault).undo(system)
        until(lambda: hands_of(fault).undone(system).holds)


@pytest.mark.parametrize("fault", [DRAIN, FOOL])
def test_a_second_server_that_is_not_in_use_or_elsewhere_is_refused(two, fault):
    system, _, _ = two
    haproxy = HAProxy(Path(system.target.haproxy))
    haproxy.tell("set server shop/panic-shop-2 state maint")
    with pytest.raises(FaultFailed, match=r"does not use shop/panic-shop-2 \(MAINT"):
        hands_of(fault).check(system)
    haproxy.tell("set server shop/panic-shop-2 state ready")
    haproxy._ask("set server shop/panic-shop-2 addr 127.0.0.9")
    with pytest.raises(FaultFailed, match=r"panic-shop-2 is at 127\.0\.0\.9:\d+, and shop/shop-2 at 127\.0\.0\.1"):
        hands_of(fault).check(system)


def test_it_is_known_what_the_stack_calls_second_servers():
    assert chaos.reach.haproxy.PANIC == compose.config.haproxy.PANIC


def test_a_dead_server_is_trusted_while_its_checks_are_fooled(tmp_path):
    first, second = Instance("shop-1"), Instance("shop-2")
    with ExitStack() as alive, running([first]):
        alive.enter_context(running([second]))
        with haproxy(tmp_path, [first.port, second.port], SHOP_HTTP_CACHE="off") as balancer:
            system = msgspec_replace(system_of(tmp_path), haproxy=str(tmp_path / "run" / "haproxy.sock"))
            status = partial(HAProxy(tmp_path / "run" / "haproxy.sock").status, "shop/shop-2")
            until(lambda: status() == "UP")
            hands_of(FOOL).inject(system)
            alive.close()
            # More than would eject it if they came faster than the checks: the stack's users come at 17/s an instance.
            for _ in range(5):
                checked = first.checks
                assert served_by(balancer, 10) == {"shop-1"}
                # All four servers are checked there, each twice a second.
                until(lambda checked=checked: first.checks >= checked + 8)
            assert balancer.up("shop-2")
            assert hands_of(FOOL).in_place(system).holds
            assert balancer.metric("haproxy_backend_redispatch_warnings_total") > 20
            hands_of(FOOL).undo(system)
            until(lambda: status().startswith("DOWN"))


@pytest.mark.parametrize("fault", [DRAIN, FOOL])
def test_a_server_that_is_not_in_use_is_refused(two, fault):
    system, _, second = two
    second.ready = False
    until(
        lambda: not HAProxy(system.target.state_folder / "run" / "haproxy.sock").status("shop/shop-2").startswith("UP")
    )
    with pytest.raises(FaultFailed, match=r"does not use shop/shop-2 \(DOWN"):
        hands_of(fault).check(system)


def test_what_does_not_exist_is_said(two, tmp_path):
    system, _, _ = two
    with pytest.raises(FaultFailed, match="has no server shop/shop-9"):
        hands_of(HAProxyDrain(HELD, "shop/shop-9")).check(system)
    with pytest.raises(FaultFailed, match="names no admin socket"):
        hands_of(DRAIN).check(msgspec_replace(system, haproxy=""))
    with pytest.raises(SignalUnavailable, match="does not answer"):
        HAProxy(tmp_path / "nothing.sock").status("shop/shop-2")
    with pytest.raises(SignalUnavailable, match="refuses"):
        HAProxy(tmp_path / "run" / "haproxy.sock").tell("set server shop/shop-9 state drain")
