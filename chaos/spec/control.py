"""How a target's processes are controlled, in words: by a supervisord, a Docker engine, or commands."""

import msgspec

from chaos.spec.values import Duration


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


class Shell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="shell"):
    """Processes are controlled by commands."""

    instances: dict[str, InstanceCommands]
    timeout: Duration = msgspec.field(default_factory=lambda: Duration(seconds=5))
    """For each command; what takes longer is killed, and has failed."""

    def __post_init__(self) -> None:
        for name, commands in self.instances.items():
            if bool(commands.pause) != bool(commands.resume):
                raise ValueError(f"{name}: pause and resume are only of use together")
