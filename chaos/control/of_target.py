"""Which process control a target names."""

from pathlib import Path

from chaos.control.docker import DockerControl
from chaos.control.port import ProcessControl
from chaos.control.shell import ShellControl
from chaos.control.supervisor import SupervisorControl
from chaos.control.swarm import SwarmControl
from chaos.control.systemd import SystemdControl
from chaos.spec.control import Docker, Shell, Systemd
from chaos.spec.target import Target


def control_of(target: Target) -> ProcessControl:
    """The control of this target's processes; nothing is connected to before it is used."""
    if isinstance(target.control, Shell):
        return ShellControl(target.control, target.working_directory)
    if isinstance(target.control, Systemd):
        return SystemdControl(target.control)
    if isinstance(target.control, Docker):
        kind = SwarmControl if target.control.swarm else DockerControl
        return kind(target.control.label, frozenset(target.instances))
    return SupervisorControl(Path(target.control.socket))
