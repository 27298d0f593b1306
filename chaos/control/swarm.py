"""Replicas of a Docker Swarm, beside the containers of its manager: those with the stack's label, and no others."""

from typing import Any

from docker.errors import NotFound

from chaos.control.docker import DockerControl, answered, here, obeyed
from chaos.control.port import ProcessState, Replicas, SchedulerNode
from chaos.errors import FaultFailed

_SERVICE = "io.stormdrill.service"
_IN_ITS_PLACE = "a Swarm puts another replica in its place at once"


class SwarmControl(DockerControl):
    """ProcessControl and Scheduler by a manager of a Docker Swarm.

    Replicas are instances in the order of their slots: of the slots 1, 3 and 4, which a Swarm may have left when a
    service was scaled down, `shop-2` is the one in slot 3.
    """

    def states(self) -> dict[str, ProcessState]:
        """A replica on another machine has no pid here."""
        return super().states() | {name: _state(task) for name, task in self._tasks().items()}

    def kill(self, instance: str) -> int:
        """FaultFailed for a replica, which cannot be kept down."""
        if instance in self._tasks():
            raise FaultFailed(f"{instance} cannot be kept down, {_IN_ITS_PLACE}: use process.crash")
        return super().kill(instance)

    def crash(self, instance: str) -> int:
        """Of a replica the container is killed, on this machine only."""
        if instance not in self._tasks():
            return super().crash(instance)
        container, pid = self._running(instance, "killed")
        with obeyed(f"kill {instance}"):
            container.kill()
        return pid

    def start(self, instance: str) -> None:
        """Replicas are the Swarm's to start, and may be between two tasks."""
        if instance in self._containers():
            super().start(instance)

    def stop(self, instance: str) -> None:
        """FaultFailed for a replica, which cannot be kept down."""
        if instance in self._tasks():
            raise FaultFailed(f"{instance} cannot be stopped, {_IN_ITS_PLACE}: use service.scale, or process.crash")
        super().stop(instance)

    def replicas(self, service: str) -> Replicas:
        found = self._service(service)
        tasks = [task for task in self._tasks().values() if task["ServiceID"] == found.id]
        wanted = found.attrs["Spec"]["Mode"]["Replicated"]["Replicas"]
        return Replicas(wanted, sum(_state(task).running for task in tasks))

    def scale(self, service: str, replicas: int) -> None:
        api: Any = self._client().api
        found = self._service(service)
        spec = found.attrs["Spec"]
        spec["Mode"]["Replicated"]["Replicas"] = replicas
        with obeyed(f"scale {service}"):
            # As it is but for the number. What the library's own `scale` sends leaves some of it out, which is another
            # task to a Swarm: it replaced every replica.
            url, version = api._url("/services/{0}/update", found.id), {"version": found.version}
            api._result(api._post_json(url, data=spec, params=version), json=True)

    def nodes(self) -> dict[str, SchedulerNode]:
        with answered():
            nodes: list[Any] = self._client().nodes.list()
        busy = {task.get("NodeID") for task in self._tasks().values()}
        return {node.id: _node(node.attrs, node.id in busy) for node in nodes}

    def calls_itself(self, instance: str) -> str:
        task = self._tasks().get(instance)
        return instance if task is None else f"{_service_of(task)}-{task['Slot']}"

    def node_of(self, instance: str) -> str:
        task = self._tasks().get(instance)
        if task is None or "NodeID" not in task:
            raise FaultFailed(f"the Swarm has no replica {instance}")
        return str(task["NodeID"])

    def set_availability(self, node: str, availability: str) -> None:
        with obeyed(f"make a node {availability}"):
            found: Any = self._client().nodes.get(node)
            found.update({**found.attrs["Spec"], "Availability": availability})

    def _container(self, instance: str) -> Any:
        task = self._tasks().get(instance)
        if task is None:
            return super()._container(instance)
        try:
            with answered():
                return self._client().containers.get(_container_id(task))
        except NotFound as error:
            raise FaultFailed(f"{instance} runs on another machine, whose engine is not asked") from error

    def _service(self, name: str) -> Any:
        with answered():
            found = self._client().services.list(filters={"label": [self._label, f"{_SERVICE}={name}"]})
        if not found:
            raise FaultFailed(f"the Swarm has no service {name} with the label {self._label}")
        return found[0]

    def _tasks(self) -> dict[str, Any]:
        """The newest task that is meant to run, or will be in a moment, of each slot, by the name of its instance."""
        client: Any = self._client()
        with answered():
            tasks = client.api.tasks(filters={"label": self._label})
        meant = [task for task in tasks if task["DesiredState"] in ("ready", "running")]
        slots: dict[str, dict[int, Any]] = {}
        for task in sorted(meant, key=lambda task: str(task["CreatedAt"])):
            slots.setdefault(_service_of(task), {})[task["Slot"]] = task
        return {
            f"{service}-{number}": task
            for service, by_slot in slots.items()
            for number, (_, task) in enumerate(sorted(by_slot.items()), 1)
        }


def _service_of(task: Any) -> str:
    return str(task["Spec"]["ContainerSpec"]["Labels"][_SERVICE])


def _state(task: Any) -> ProcessState:
    status = task["Status"]
    if status["State"] != "running":
        return ProcessState("STARTING", 0)
    return ProcessState("RUNNING", here(_container_id(task), int(status["ContainerStatus"].get("PID", 0))))


def _container_id(task: Any) -> str:
    return str(task["Status"].get("ContainerStatus", {}).get("ContainerID", ""))


def _node(described: Any, busy: bool) -> SchedulerNode:
    spec, ready = described["Spec"], described["Status"]["State"] == "ready"
    return SchedulerNode(described["Description"]["Hostname"], spec["Availability"], ready, busy)
