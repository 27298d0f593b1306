"""Processes in containers of a Docker engine: those that carry the stack's label, and no others."""

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from chaos.control.batches import ask_all
from chaos.control.port import UNKNOWN, CpuLimit, ProcessState, unknown
from chaos.errors import FaultFailed, SignalUnavailable

_TIMEOUT_SECONDS = 5
_ENDS_WITHIN_SECONDS = 6
_GONE_WITHIN_SECONDS = 5.0
_KERNELS_PERIOD_US = 100_000
_NO_QUOTA = -1
_AT_ONCE = 16
_SERVICE = "com.docker.compose.service"
_ONE_OFF = "com.docker.compose.oneoff"
_NUMBER = "com.docker.compose.container-number"
_PROJECT = "com.docker.compose.project"
_STATES = {"running": "RUNNING", "paused": "PAUSED", "restarting": "BACKOFF", "removing": "STOPPING"}


class DockerControl:
    """ProcessControl by a Docker engine."""

    def __init__(self, label: str, instances: frozenset[str] = frozenset()) -> None:
        self._label = label
        self._instances = instances
        """As the target calls them: a service that may have several containers is known by that when it has one."""
        # One a thread: they share their connections badly, and making one asks the engine for its version each time.
        self._mine = threading.local()

    def states(self) -> dict[str, ProcessState]:
        """A container of which the engine does not tell, as when it cannot get hold of it, is UNKNOWN."""
        waiting = self._containers()
        told: dict[str, ProcessState] = {}
        while waiting and UNKNOWN not in {state.state for state in told.values()}:
            name = next(iter(waiting))
            told |= _told(name, partial(_reloaded, waiting.pop(name)))
        # An engine that has trouble with one may have it with dozens, which are not waited for one after another.
        ids = {name: container.id for name, container in waiting.items()}
        each = {name: (name,) for name in ids}
        return told | ask_all(each, lambda name: self._told_beside(name, ids[name]), _AT_ONCE)

    def identity(self, instance: str) -> str:
        """Which container it is, and when that was started, whatever machine it runs on."""
        container = self._container(instance)
        return f"container {container.id} started at {container.attrs['State'].get('StartedAt', '')}"

    def kill(self, instance: str) -> int:
        """Docker takes it for a stop, so that its restart policy leaves it down."""
        container, pid = self._running(instance, "killed")
        with obeyed(f"kill {instance}"):
            container.kill()
        self._await_end(instance, pid)
        return pid

    def start(self, instance: str) -> None:
        """SignalUnavailable when Docker refuses."""
        container = self._container(instance)
        try:
            if container.status == "paused":
                container.unpause()
            container.start()
        except APIError as error:
            raise SignalUnavailable(f"Docker cannot start {instance}: {error.explanation}") from error
        except (DockerException, requests.RequestException) as error:
            raise SignalUnavailable(f"Docker does not answer: {error}") from error

    def crash(self, instance: str) -> int:
        """Needs the right to signal its first process, which root has."""
        container, pid = self._running(instance, "killed")
        if not here(container.id, pid):
            raise FaultFailed(f"crash {instance}: its process is not one of this machine's")
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError as error:
            raise FaultFailed(
                f"crash {instance}: {error}: only root may end a container behind Docker's back"
            ) from error
        self._await_end(instance, pid)
        return pid

    def stop(self, instance: str) -> None:
        """Waits until it has ended, killed after 6 s."""
        with obeyed(f"stop {instance}"):
            self._container(instance).stop(timeout=_ENDS_WITHIN_SECONDS)

    def pause(self, instance: str) -> None:
        """By the kernel's freezer, which nothing in the container sees."""
        container, _ = self._running(instance, "frozen")
        with obeyed(f"pause {instance}"):
            container.pause()

    def resume(self, instance: str) -> None:
        container = self._container(instance)
        if container.status == "paused":
            with obeyed(f"resume {instance}"):
                container.unpause()

    def paused(self, instance: str) -> bool:
        return bool(self._container(instance).status == "paused")

    def cpu_limit(self, instance: str) -> CpuLimit:
        config = self._container(instance).attrs["HostConfig"]
        return CpuLimit(max(0, config["CpuQuota"]), config["CpuPeriod"] or _KERNELS_PERIOD_US)

    def limit_cpu(self, instance: str, limit: CpuLimit) -> None:
        """Refused beside a limit in whole cores (`cpus:`), which Docker keeps apart."""
        with obeyed(f"limit the CPU of {instance}"):
            self._container(instance).update(cpu_period=limit.period_us, cpu_quota=limit.quota_us or _NO_QUOTA)

    def _running(self, instance: str, what: str) -> tuple[Any, int]:
        container = self._container(instance)
        pid = _engines_pid(container)
        if not pid:
            raise FaultFailed(f"{instance} does not run, so it cannot be {what}")
        return container, pid

    def _await_end(self, instance: str, pid: int) -> None:
        deadline = time.monotonic() + _GONE_WITHIN_SECONDS
        while _engines_pid(self._container(instance)) == pid:
            if time.monotonic() > deadline:
                raise FaultFailed(f"{instance} (pid {pid}) outlives SIGKILL by {_GONE_WITHIN_SECONDS:g} s")
            time.sleep(0.02)

    def _container(self, instance: str) -> Any:
        containers = self._containers()
        if instance not in containers:
            if several := sorted(name for name in containers if re.fullmatch(rf"{re.escape(instance)}-\d+", name)):
                raise FaultFailed(f"Docker has {len(several)} containers of {instance}: name {' or '.join(several)}")
            raise SignalUnavailable(f"Docker has no container {instance} with the label {self._label}")
        try:
            with answered():
                containers[instance].reload()
        except NotFound as error:
            raise SignalUnavailable(f"Docker has no container {instance} any more") from error
        return containers[instance]

    def _containers(self) -> dict[str, Any]:
        """Each by its name. What is known of them are their labels alone, until they are asked for one by one."""
        with answered():
            # Not looked into: an engine that cannot get hold of one would tell of none.
            found = self._client().containers.list(all=True, filters={"label": self._label}, sparse=True)
        services: dict[str, list[Any]] = {}
        for one in found:
            # What `docker compose run` started beside a service is none of its instances.
            if _SERVICE in _labels(one) and _labels(one).get(_ONE_OFF, "False") != "True":
                services.setdefault(_labels(one)[_SERVICE], []).append(one)
        named = (_named(service, several, self._instances) for service, several in services.items())
        return dict(pair for each in named for pair in each)

    def _told_beside(self, name: str, container_id: str) -> dict[str, ProcessState]:
        """By a client of this thread's own."""
        return _told(name, lambda: self._client().containers.get(container_id))

    def _client(self) -> docker.DockerClient:
        if not hasattr(self._mine, "client"):
            self._mine.client = docker.from_env(timeout=_TIMEOUT_SECONDS)
        client: docker.DockerClient = self._mine.client
        return client


def _named(service: str, containers: list[Any], known: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """An instance is called as its service; where there are several, as the service and its number.

    The last one left of several keeps its number where the target knows it by that. Raises SignalUnavailable where two
    have one name, as two projects' containers have: nobody knows which is meant.
    """
    if len(containers) == 1:
        numbered = _numbered(service, containers[0])
        yield numbered if numbered in known and service not in known else service, containers[0]
        return
    found: dict[str, Any] = {}
    for one in containers:
        name = _numbered(service, one)
        if name in found:
            projects = " and ".join(sorted({_labels(each).get(_PROJECT, "none") for each in (one, found[name])}))
            raise SignalUnavailable(f"two containers are {name}, of the projects {projects}: give one a label")
        found[name] = one
    yield from found.items()


def _numbered(service: str, container: Any) -> str:
    return f"{service}-{_labels(container).get(_NUMBER, '?')}"


def _labels(container: Any) -> dict[str, str]:
    """Of one that was listed, and of one that was looked into."""
    listed: dict[str, str] | None = container.attrs.get("Labels")
    return listed if listed is not None else container.attrs["Config"].get("Labels") or {}


def _reloaded(container: Any) -> Any:
    container.reload()
    return container


def _told(name: str, look: Callable[[], Any]) -> dict[str, ProcessState]:
    """What is seen of a container; nothing where it has gone meanwhile."""
    try:
        with answered():
            return {name: _state(look())}
    except NotFound:
        return {}
    except SignalUnavailable as error:
        return {name: unknown(str(error))}


@contextmanager
def answered() -> Iterator[None]:
    """Raises SignalUnavailable when the engine does not answer within; what is not found is the caller's to explain."""
    try:
        yield
    except NotFound:
        raise
    except (DockerException, requests.RequestException) as error:
        raise SignalUnavailable(f"Docker does not answer: {type(error).__name__}: {error}") from error


@contextmanager
def obeyed(what: str) -> Iterator[None]:
    """Raises FaultFailed when the engine refuses what is asked of it within, SignalUnavailable when it says nothing."""
    try:
        yield
    except APIError as error:
        raise FaultFailed(f"{what}: {error.explanation}") from error
    except (DockerException, requests.RequestException) as error:
        raise SignalUnavailable(f"{what}: Docker does not answer: {error}") from error


def _state(container: Any) -> ProcessState:
    word = _STATES.get(container.attrs["State"]["Status"], "STOPPED")
    return ProcessState(word, here(container.id, _engines_pid(container)))


def _engines_pid(container: Any) -> int:
    return int(container.attrs["State"]["Pid"])


def here(container_id: str, pid: int) -> int:
    """The pid, if this machine has that process in this container; else 0.

    An engine may run on another machine, or in a virtual one: its pids are strangers' here, and faults signal them.
    """
    try:
        return pid if container_id and container_id in Path(f"/proc/{pid}/cgroup").read_text() else 0
    except OSError:
        return 0
