"""How Postgres's connections are shared out: one budget for all worker processes of shop and inventory."""

from compose.settings import StackSettings
from compose.topology import Program, Topology

MOST = 120
"""Postgres's `max_connections`."""
RESERVED = 3
"""Postgres's own default of `superuser_reserved_connections`: a superuser gets in when nobody else does."""
OTHERS = 6
"""What the exporter, the proofs of health and whoever looks may take."""
BUDGET = 84
"""Of all pools together: below the 80 % from which PostgresConnectionsNearLimit warns, with room for an instance whose
new workers come before its old ones have drained."""
_MOST_A_PROCESS = 10
# With one, whoever waits for a lock keeps everybody else in the process from Postgres.
_LEAST_A_PROCESS = 2
_ROLES = ("shop", "inventory")


def pool_size(settings: StackSettings, topology: Topology) -> int:
    """Most connections of one worker process, unless the user says otherwise."""
    processes = sum(_processes(program, settings) for role in _ROLES for program in topology.of_role(role))
    return max(_LEAST_A_PROCESS, min(_MOST_A_PROCESS, BUDGET // max(1, processes)))


def refusal(settings: StackSettings, topology: Topology) -> str:
    """Why Postgres cannot give all pools what they may take, and what to change; empty where it can."""
    pools = {
        program.name: (_processes(program, settings), size)
        for role in _ROLES
        for program in topology.of_role(role)
        if (size := _size(role, settings, topology)) is not None
    }
    wanted = sum(processes * size for processes, size in pools.values())
    replaced = max((settings.workers * size for _, size in pools.values()), default=0)
    there = MOST - RESERVED - OTHERS
    if wanted + replaced <= there:
        return ""
    return (
        f"the pools of {sum(processes for processes, _ in pools.values())} processes may take {wanted} connections, and"
        f" {replaced} more while workers are replaced; Postgres has {there} for them: lower STORMDRILL_WORKERS"
        f" ({settings.workers}), STORMDRILL_SHOPS ({settings.shops})"
        f" or {' and '.join(f'{role.upper()}_POSTGRES_POOL_MAX' for role in _ROLES)}"
    )


def _processes(program: Program, settings: StackSettings) -> int:
    return len(program.instances) * settings.workers


def _size(role: str, settings: StackSettings, topology: Topology) -> int | None:
    """Of each pool; None where there is no pool, or no number, which the service itself will say."""
    told = settings.service_settings
    if told.get(f"{role.upper()}_POOL", "on") == "off":
        return None
    text = told.get(f"{role.upper()}_POSTGRES_POOL_MAX", str(pool_size(settings, topology)))
    return int(text) if text.isdecimal() else None
