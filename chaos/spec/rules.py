"""The alerts in a folder of Prometheus rule files: their names, and what each waits for until it is told."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from chaos.errors import InvalidFile
from chaos.spec import rule_text
from chaos.spec.routing import Routing
from chaos.spec.rule_text import RuleText


@dataclass(frozen=True, slots=True)
class Wait:
    """What configuration has an alert's page wait for at least, from the condition true on, in seconds."""

    for_seconds: float
    group_wait_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """In all."""
        return self.for_seconds + self.group_wait_seconds

    def __str__(self) -> str:
        """As a sum."""
        return f"its rule waits {self.for_seconds:g} s (`for`) and its group {self.group_wait_seconds:g} s (group_wait)"


def waits(rules: Iterable[RuleText], routing: Routing | None, divisor: float = 1.0) -> dict[str, Wait]:
    """What each alert waits for; of several with one name, the shortest. `divisor`: the pace at which they are run."""
    found: dict[str, Wait] = {}
    for rule in rules:
        if not rule.records:
            ways = routing.ways(rule.name, rule.labels) if routing else []
            group = min((way.group_wait_seconds for way in ways), default=0.0)
            wait = Wait(rule.for_seconds / divisor, group / divisor)
            found[rule.name] = min(wait, found.get(rule.name, wait), key=lambda one: one.seconds)
    return found


def alert_names(folder: Path, pattern: str = "*.rules.yml") -> frozenset[str]:
    """Every alert in the folder's rule files, as rule_text.read finds them. Raises InvalidFile for none."""
    names = frozenset(rule.name for rule in rule_text.read(folder, pattern) if not rule.records)
    if not names:
        raise InvalidFile(folder, "", f"no alert in any {pattern or 'file of rules'}")
    return names
