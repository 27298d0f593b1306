"""What is known of one rule that a stack runs: one word, and what it rests on."""

from enum import StrEnum

import msgspec


class Word(StrEnum):
    """The one word, worst first."""

    CANNOT_FIRE = "cannot fire"
    """It is not evaluated, or looks at series that there were none of in the last hour."""
    REACHES_NOBODY = "reaches nobody"
    """Whatever it fires with, no receiver that has anything behind it is told."""
    NEVER_PROVEN = "never proven"
    """It could fire, and nothing that the target names would make it."""
    PROVABLE = "provable"
    """What it looks at comes from an instance or goes over a link of the target."""
    PROVEN = "proven"
    """A run has shown this rule, as it is now, fire, arrive and resolve."""

    @property
    def wrong(self) -> bool:
        """Whether nobody would be told, whatever happens."""
        return self in (Word.CANNOT_FIRE, Word.REACHES_NOBODY)


class Standing(msgspec.Struct, frozen=True):
    """One alerting rule."""

    name: str
    group: str
    labels: dict[str, str]
    """As the rule writes them."""
    digest: str
    """The same as long as the rule, and what it reads, mean the same."""
    word: Word
    why: str
    evaluated: bool
    has_input: bool | None
    """None: nobody told."""
    receivers: list[str]
    """Whom its instances may reach, those that have nothing behind them left out."""
    perhaps: bool = False
    """Whether labels that the rule does not write decide which of them."""
    kept_back: list[str] = []
    """What silences, mutes or inhibits it, in words."""
    delay_seconds: float | None = None
    """From a plainly visible fault to the page, by configuration alone; None where the routing is not known."""
    resolved_seconds: float | None = None
    """From the fault's end to the resolved message, likewise."""
    tells_of_death: bool = False
    """Whether it looks at `up` of each instance by itself."""
    instances: list[str] = []
    """The target's instances that it looks at."""
    links: list[str] = []
    firing: int = 0
    """Alerts of it that Alertmanager has now."""

    @property
    def key(self) -> str:
        """By which it is known again: two rules may have one name."""
        written = ",".join(f"{name}={value}" for name, value in sorted(self.labels.items()))
        return f"{self.name}{{{written}}}"


class Adopted(msgspec.Struct, frozen=True):
    """All rules of a stack; also the content of `adopted.json`."""

    rules: list[Standing]
    untold: list[str] = []
    """What could not be asked, and why."""
    offered: list[str] = []
    """Experiments that were written once: what people have thrown away since is not written again."""
    instances: list[str] = []
    """What could be seen, by the names that were given to them."""


def news(before: Adopted | None, now: Adopted) -> list[str]:
    """What is new since, in words; nothing where there was no before."""
    if before is None:
        return []
    old = {one.key: one for one in before.rules}
    new = {one.key: one for one in now.rules}
    said = [f"new rule {key}: {new[key].word.value}" for key in new.keys() - old.keys()]
    said += [f"rule {key} is gone; it was {old[key].word.value}" for key in old.keys() - new.keys()]
    for key in new.keys() & old.keys():
        if old[key].word is not new[key].word:
            said.append(f"{key} was {old[key].word.value} and is {new[key].word.value}: {new[key].why}")
        elif old[key].digest != new[key].digest:
            said.append(f"rule {key} has changed")
        elif set(old[key].receivers) != set(new[key].receivers):
            said.append(f"{key} reaches {', '.join(new[key].receivers) or 'nobody'} now")
    said += [f"new instance {name}" for name in sorted(set(now.instances) - set(before.instances))]
    return sorted(said)
