"""What Prometheus makes of an alert's labels before it sends it: external labels, then alert_relabel_configs. Pure.

Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

_GROUP = re.compile(r"\$(?:\$|(\d+)|\{(\w+)\}|(\w+))")
_THERE = "stormdrill_there"
"""A label that nothing asks for: what has it is not taken for dropped because it has no other."""
_LOWEST_BITS = 8
"""Bytes of a digest that count."""


def sent(
    labels: Mapping[str, str], external: Mapping[str, str], configs: Iterable[Mapping[str, Any]]
) -> dict[str, str]:
    """The labels with which an alert arrives; none where it is not sent. ValueError for what cannot be understood."""
    found = {**external, **{name: value for name, value in labels.items() if value}}
    for config in configs:
        try:
            found = _applied(found, config)
        except (re.error, TypeError, AttributeError, KeyError, IndexError) as error:
            raise ValueError(f"a relabelling that cannot be read: {type(error).__name__}: {error}") from error
        if not found:
            break
    return {name: value for name, value in found.items() if value}


def possible(labels: Mapping[str, str], configs: Iterable[Mapping[str, Any]]) -> tuple[dict[str, str] | None, bool]:
    """What is known of the labels with which an alert arrives that has these and perhaps others, and whether it surely
    arrives; None where it surely does not. A label is left out where others decide what it is; an empty one it has not.
    ValueError for what cannot be understood.
    """
    found, surely = dict(labels), True
    for config in configs:
        action = str(config.get("action") or "replace").lower()
        needed = [*(config.get("source_labels") or ()), *([config.get("target_label")] if "equal" in action else [])]
        known = all(name in found for name in needed)
        if action in ("keep", "drop", "keepequal", "dropequal"):
            if known and not sent(found | {_THERE: _THERE}, {}, [config]):
                return None, True
            surely = surely and known
        elif known or action in ("labeldrop", "labelkeep", "labelmap"):
            made = sent(found, {}, [config])
            # What it has not any more is known to be missing.
            found = dict.fromkeys(found, "") | made
        else:
            target = str(config.get("target_label") or "")
            found = {name: value for name, value in found.items() if name != target and "$" not in target}
    return found, surely


def _applied(labels: dict[str, str], config: Mapping[str, Any]) -> dict[str, str]:
    action = str(config.get("action") or "replace").lower()
    pattern = re.compile(str(config.get("regex", "(.*)")), re.DOTALL)
    replacement = str(config.get("replacement", "$1"))
    target = str(config.get("target_label") or "")
    joined = str(config.get("separator", ";")).join(labels.get(name, "") for name in config.get("source_labels") or ())
    match action:
        case "replace":
            matched = pattern.fullmatch(joined)
            return labels | {_expanded(target, matched): _expanded(replacement, matched)} if matched else labels
        case "keep" | "drop":
            return labels if bool(pattern.fullmatch(joined)) is (action == "keep") else {}
        case "keepequal" | "dropequal":
            return labels if (joined == labels.get(target, "")) is (action == "keepequal") else {}
        case "lowercase" | "uppercase":
            return labels | {target: joined.lower() if action == "lowercase" else joined.upper()}
        case "hashmod":
            digest = hashlib.md5(joined.encode(), usedforsecurity=False).digest()
            return labels | {target: str(int.from_bytes(digest[-_LOWEST_BITS:], "big") % int(config["modulus"]))}
        case "labeldrop" | "labelkeep":
            kept = action == "labelkeep"
            return {name: value for name, value in labels.items() if bool(pattern.fullmatch(name)) is kept}
        case "labelmap":
            named = [(pattern.fullmatch(name), value) for name, value in labels.items()]
            return labels | {_expanded(replacement, matched): value for matched, value in named if matched}
    raise ValueError(f"the relabelling {action} is unknown")


def _expanded(template: str, matched: "re.Match[str]") -> str:
    def group(found: "re.Match[str]") -> str:
        if found[0] == "$$":
            return "$"
        wanted = found[1] or found[2] or found[3]
        if wanted.isdigit():
            # A group that there is not is empty, as Go has it.
            return (matched[int(wanted)] or "") if int(wanted) <= (matched.re.groups) else ""
        return matched.groupdict().get(wanted) or ""

    return _GROUP.sub(group, template)
