"""Which alerts are an experiment's business, where others' fire on the same Prometheus. Pure."""

from collections.abc import Iterable, Mapping
from typing import Protocol


class _Named(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def labels(self) -> dict[str, str]: ...


def ours(only: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether an alert with these labels is one that the target calls its own; all are where it says nothing."""
    return only.items() <= labels.items()


def never_ours(only: Mapping[str, str], rules: Iterable[Mapping[str, str]]) -> bool:
    """Whether no alert of these rules, by the labels that they write, can be the target's own.

    A label that a rule does not write, or writes by a template, may come from the series.
    """
    return all(
        any(name in labels and "{{" not in labels[name] and labels[name] != value for name, value in only.items())
        for labels in rules
    )


def may_be_listed(windows: Iterable[_Named], name: str, labels: Mapping[str, str]) -> bool:
    """Whether an alert as Prometheus has it may be one that is listed: a label that it lacks is added on the way."""
    return any(
        one.name == name and all(labels.get(label, value) == value for label, value in one.labels.items())
        for one in windows
    )
