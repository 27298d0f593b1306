"""Action items of a debrief: what somebody wants done. What a round suggests is none before somebody takes it up."""

import re
from collections.abc import Iterable, Sequence

OPEN = "- [ ] "
SUGGESTED = "- [?] "
"""A suggestion: who puts a name behind `owner:`, or takes the question mark away, makes it an action item."""
NOBODYS = "(owner: , until: )"
_OWNED = re.compile(r"\(owner:(?P<owner>[^,)]*)(,[^)]*)?\)\s*$")
_NUMBER = re.compile(r"\d+(\.\d+)?")


def read(content: str) -> list[str]:
    """Those of a debrief in Markdown that are open: not ticked, and saying something; each of them once."""
    lines = content.splitlines()
    marked = [line.removeprefix(OPEN).strip() for line in lines if line.startswith(OPEN)]
    taken = [line.removeprefix(SUGGESTED).strip() for line in lines if line.startswith(SUGGESTED)]
    return once([*marked, *(item for item in taken if _owner(item))])


def once(items: Iterable[str]) -> list[str]:
    """Each of them once, with an owner where one of its doubles has one; without those that say nothing."""
    kept: dict[str, str] = {}
    for item in items:
        key = _said(item)
        if key and not _owner(kept.get(key, "")):
            kept[key] = item if _owner(item) or key not in kept else kept[key]
    return list(kept.values())


def suggestions(gaps: Iterable[str], items: Sequence[str]) -> list[str]:
    """Gaps that are no action item yet, also not with other numbers: a page is late by other seconds each time."""
    there = {_NUMBER.sub("#", _said(item)) for item in items}
    return [gap for gap in dict.fromkeys(gaps) if _NUMBER.sub("#", _said(gap)) not in there]


def _owner(item: str) -> str:
    found = _OWNED.search(item)
    return found["owner"].strip() if found else ""


def _said(item: str) -> str:
    return " ".join(_OWNED.sub("", item).split()).casefold()
