"""How a target's processes are controlled, in words: by a supervisord, a Docker engine, systemd, or commands."""

import re

import msgspec

from chaos.spec.values import Duration

_MOST_AT_ONCE = 64
# The characters of systemd's unit names. No pattern is one: it would mean further units.
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+\.service")
# A name for ssh, which may be an alias of its configuration. What begins with a dash would be an option of it.
_HOST = re.compile(r"(?!-)[A-Za-z0-9_.@:%-]+")


class Supervisor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="supervisor"):
    """Processes run below a supervisord."""

    socket: str
    """Path of its Unix socket."""


class Docker(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="docker"):
    """Instances are containers of a Docker engine, each by the name of its Compose service."""

    label: str
    """`name=value`, on every container that may be touched."""
    swarm: bool = False
    """Whether the engine manages a Swarm: each replica of a service with that label is an instance."""


class FileSays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that is written once whenever a process begins, such as one of its pid."""

    file: str
    """Its path, from the target's working directory."""


class InstanceCommands(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one instance is controlled. Each is run by `sh -c` in the target's working directory."""

    state: str
    """Prints its state, `running`, `paused`, or any other word for one that does not run; or prints nothing and exits
    with 0 if it runs and 1 if it does not. Anything else, or words on stderr, means that nobody can say."""
    kill: str
    """Ends it at once, so that its manager does not start it again; exits with 0."""
    start: str
    """Has it run again; exits with 0 also when it runs already, and need not wait."""
    crash: str = ""
    """Ends it at once and leaves it to its manager to notice; empty: `process.crash` is not possible."""
    stop: str = ""
    """Asks it to end in good order and keeps it down; empty: `process.restart` is not possible."""
    pause: str = ""
    """Freezes it; then `state` has to print `paused`. Empty: `process.pause` is not possible."""
    resume: str = ""
    """Lets it go on; exits with 0 also when it is not frozen."""
    identity: str | FileSays = ""
    """Prints what this process has and the next one has not, such as its manager's id of it or its pid and its start;
    exits with 0. Empty: `process.crash` and `process.restart` are not possible, as nobody could prove them."""


class Shell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="shell"):
    """Processes are controlled by commands."""

    instances: dict[str, InstanceCommands]
    timeout: Duration = msgspec.field(default_factory=lambda: Duration(seconds=5))
    """For each command; what takes longer is killed, and has failed."""
    at_once: int = 16
    """How many instances are asked for their state at a time."""

    def __post_init__(self) -> None:
        _assert_few(self.at_once)
        for name, commands in self.instances.items():
            if bool(commands.pause) != bool(commands.resume):
                raise ValueError(f"{name}: pause and resume are only of use together")


def cannot(shell: Shell) -> dict[tuple[str, str], str]:
    """Of instances and faults for which commands are missing, why."""
    needs = {"process.crash": ("crash", "identity"), "process.restart": ("stop", "identity")}
    return {
        (name, fault): f"control has no `{key}` for {name}"
        for name, commands in shell.instances.items()
        for fault, keys in needs.items()
        for key in reversed(keys)
        if not getattr(commands, key)
    }


class SystemdUnit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One instance: a service of systemd's."""

    unit: str
    """Its full name, such as `nginx.service` or `postgresql@15-main.service`."""
    host: str = ""
    """The machine that it runs on, as ssh is told; empty: this one."""

    def __post_init__(self) -> None:
        if not _UNIT.fullmatch(self.unit):
            raise ValueError(f"unit: {self.unit!r} is not the full name of a service, such as nginx.service")
        if self.host and not _HOST.fullmatch(self.host):
            raise ValueError(f"host: {self.host!r} is not a name that ssh may be given")


class Systemd(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="systemd"):
    """Instances are services of systemd, on this machine or on others, which are reached by the system's ssh."""

    instances: dict[str, SystemdUnit]
    ssh_config: str = ""
    """File for ssh's `-F`: users, ports, keys and known hosts. Empty: ssh's own. It never asks anybody anything."""
    sudo: bool = False
    """Whether `systemctl` is run by `sudo -n`, here and there."""
    timeout: Duration = msgspec.field(default_factory=lambda: Duration(seconds=5))
    """For each question and command, the way to its machine included."""
    at_once: int = 16
    """How many machines are asked at a time; all units of one are one question."""

    def __post_init__(self) -> None:
        _assert_few(self.at_once)
        names: dict[tuple[str, str], str] = {}
        for name, one in self.instances.items():
            if (other := names.setdefault((one.host, one.unit), name)) != name:
                raise ValueError(f"instances: {other} and {name} are the same unit {one.unit}")


def _assert_few(at_once: int) -> None:
    if not 1 <= at_once <= _MOST_AT_ONCE:
        raise ValueError(f"at_once: must be a whole number from 1 to {_MOST_AT_ONCE}")
