"""Fakes of the engine's ports: a clock that passes when told to, and processes that obey."""

import threading
from dataclasses import dataclass, field, replace

from chaos.control.port import ProcessState, Replicas, SchedulerNode
from chaos.faults.hands import System
from chaos.spec.control import Supervisor
from chaos.spec.loads import ShopLoad
from chaos.spec.target import Alerting, Instance, Target, Urls


@dataclass
class FakeClock:
    """All clocks show `now`, and waiting moves it."""

    now: float = 100.0
    boot: str = "first boot"

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def boottime(self) -> float:
        return self.now

    def boot_id(self) -> str:
        return self.boot

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def wait_unless(self, event: threading.Event, seconds: float) -> None:
        self.wait(seconds)


@dataclass
class FakeControl:
    """Processes in memory; `broken` instances cannot be started, a crashed one is back at once as another."""

    running: dict[str, bool] = field(default_factory=lambda: {"shop-1": True, "shop-2": True})
    broken: set[str] = field(default_factory=set)
    started: list[str] = field(default_factory=list)
    frozen: set[str] = field(default_factory=set)
    pids: dict[str, int] = field(default_factory=dict)

    def states(self) -> dict[str, ProcessState]:
        return {
            name: ProcessState("RUNNING", self.pids.get(name, 7)) if up else ProcessState("STOPPED", 0)
            for name, up in self.running.items()
        }

    def kill(self, instance: str) -> int:
        self.running[instance] = False
        return self.pids.get(instance, 7)

    def start(self, instance: str) -> None:
        self.started.append(instance)
        if instance in self.broken:
            raise OSError(f"{instance} cannot be started")
        if not self.running[instance]:
            self.pids[instance] = self.pids.get(instance, 7) + 1
        self.running[instance] = True

    def crash(self, instance: str) -> int:
        killed = self.kill(instance)
        self.start(instance)
        return killed

    def stop(self, instance: str) -> None:
        self.running[instance] = False

    def pause(self, instance: str) -> None:
        self.frozen.add(instance)

    def resume(self, instance: str) -> None:
        self.frozen.discard(instance)

    def paused(self, instance: str) -> bool:
        return instance in self.frozen


class FakeSwarm(FakeControl):
    """Two nodes, one service; what is told is done at once, and nothing is while it is stubborn."""

    def __init__(self, nodes=("a", "b")):
        super().__init__()
        self.there = {id_: SchedulerNode(f"host-{id_}", "active", ready=True, busy=id_ == "a") for id_ in nodes}
        self.wanted = 3
        self.told = []
        self.stubborn = False

    def replicas(self, service):
        return Replicas(self.wanted, self.wanted)

    def scale(self, service, replicas):
        self.told.append((service, replicas))
        if not self.stubborn:
            self.wanted = replicas

    def nodes(self):
        return self.there

    def calls_itself(self, instance):
        return instance

    def node_of(self, instance):
        return next(id_ for id_, node in self.there.items() if node.busy)

    def set_availability(self, node, availability):
        self.told.append((node, availability))
        self.there[node] = replace(self.there[node], availability=availability)
        if availability == "drain":
            (other, *_) = [id_ for id_ in self.there if id_ != node]
            self.there[node] = replace(self.there[node], busy=False)
            self.there[other] = replace(self.there[other], busy=True)


def system(folder, control=None) -> System:
    """A system in a folder, whose instances have no URL to be ready at."""
    instances = {name: Instance("shop", serves_users=True) for name in ("shop-1", "shop-2")}
    urls = Urls("http://u", "http://p", "http://a", "http://g", "http://w")
    target = Target(
        1,
        "fake",
        str(folder),
        str(folder / "runs"),
        urls,
        Supervisor("/none"),
        instances,
        Alerting("pager"),
        str(folder),
        load=ShopLoad(),
    )
    return System(target, control or FakeControl())
