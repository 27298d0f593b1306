"""Whether replicas of one server say the same: any that answers is asked, so that it must not matter which."""

from collections.abc import Iterable
from typing import TypeVar

import httpx

from chaos.errors import SignalUnavailable
from chaos.facts.alerts import RuleSeen
from chaos.facts.replicas import ReplicasSeen
from chaos.observe.alertmanager import Alertmanager
from chaos.observe.prometheus import Prometheus
from chaos.spec.door import Address, Door, doors

_T = TypeVar("_T")
_NAMED = 3
"""Of rules that only one of them runs."""


def of_prometheus(address: Address, transport: httpx.BaseTransport | None = None) -> ReplicasSeen | None:
    """Whether all of them run the same rules; None where there is only one. Never raises."""
    several = doors(address)
    if len(several) < 2:
        return None
    told: list[tuple[Door, frozenset[str]]] = []
    said: list[str] = []
    for door in several:
        prometheus = Prometheus(door, 0.0, transport)
        try:
            told.append((door, frozenset(_written(rule) for rule in prometheus.rules_loaded())))
        except SignalUnavailable as error:
            said.append(f"{door.plain} does not answer: {error}")
        finally:
            prometheus.close()
    for (first, rules), (other, others) in _with_the_first(told):
        said += [f"{first.plain} runs {names}, and {other.plain} does not" for names in _only(rules - others)]
        said += [f"{other.plain} runs {names}, and {first.plain} does not" for names in _only(others - rules)]
    return ReplicasSeen(0.0, "Prometheus", [door.plain for door in several], said)


def of_alertmanager(address: Address, transport: httpx.BaseTransport | None = None) -> ReplicasSeen | None:
    """Whether all of them are one cluster and route alike; None where there is only one. Never raises."""
    several = doors(address)
    if len(several) < 2:
        return None
    told: list[tuple[Door, str]] = []
    said: list[str] = []
    for door in several:
        alertmanager = Alertmanager(door, transport)
        configured, peers = alertmanager.configured(), alertmanager.peers()
        alertmanager.close()
        if configured.error is not None:
            said.append(f"{door.plain} does not answer: {configured.error}")
            continue
        told.append((door, configured.config))
        if peers < len(several):
            others = f"{max(peers - 1, 0) or 'no'} other{'s' if peers != 2 else ''}"
            said.append(f"{door.plain} is in a cluster with {others}, and the target names {len(several)} of one")
    for (first, config), (other, others_config) in _with_the_first(told):
        if config != others_config:
            said.append(f"{other.plain} is configured otherwise than {first.plain}")
    return ReplicasSeen(0.0, "Alertmanager", [door.plain for door in several], said)


def _with_the_first(told: list[_T]) -> Iterable[tuple[_T, _T]]:
    return ((told[0], other) for other in told[1:])


def _written(rule: RuleSeen) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in sorted(rule.labels.items()))
    named = f"{rule.name}{{{labels}}}" if labels else rule.name
    return "\n".join([named, rule.query, f"{rule.for_seconds:g}", f"{rule.keep_firing_for_seconds:g}"])


def _only(rules: frozenset[str]) -> list[str]:
    names = sorted({rule.partition("\n")[0] for rule in rules})
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return [f"{', '.join(names[:_NAMED])}{more} as it is there"] if names else []
