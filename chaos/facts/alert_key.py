"""An alert's identity: its name and all its labels."""

from collections.abc import Mapping

Key = tuple[str, tuple[tuple[str, str], ...]]


def key_of(name: str, labels: Mapping[str, str]) -> Key:
    """The identity of an alert."""
    return name, tuple(sorted(labels.items()))


def in_words(key: Key) -> str:
    """An alert's identity for people."""
    name, labels = key
    return f"{name}{{{', '.join(f'{label}={value}' for label, value in labels)}}}"
