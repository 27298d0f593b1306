"""A verdict as JSON: its values, and beside each finding its words. `verdict.json` and its schema."""

from typing import Any

import msgspec

from chaos.report import alert_words, result_words, words
from chaos.verdict.catalogue import Catalogue
from chaos.verdict.verdict import Verdict

_REASON = {"type": "string", "description": "Its finding in words; empty where there is nothing to say."}
_REASONS = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Why it is not `held`, in words; empty when it is.",
}
_NOT_RECORDED = {
    "type": "array",
    "items": {"type": "string"},
    "description": "What a recording of an earlier format does not say: neither for the claim nor against it.",
}
VERSION = 2
"""Of `verdict.json`: 2 has findings as values, and tells alerts apart by their labels."""
_WORDED = ("CheckResult", "AlertResult", "PanelResult")


def render(verdict: Verdict) -> bytes:
    """The content of `verdict.json`."""
    return msgspec.json.format(msgspec.json.encode(of(verdict)), indent=2) + b"\n"


def render_all(catalogue: Catalogue) -> bytes:
    """The content of `catalogue.json`."""
    built = msgspec.to_builtins(catalogue)
    for entry, written in zip(catalogue.entries, built["entries"], strict=True):
        if entry.verdict is not None:
            written["verdict"] = of(entry.verdict)
    return msgspec.json.format(msgspec.json.encode(built), indent=2) + b"\n"


def of(verdict: Verdict) -> dict[str, Any]:
    """The verdict as JSON has it."""
    built: dict[str, Any] = msgspec.to_builtins(verdict)
    for check, written in zip(verdict.checks, built["checks"], strict=True):
        written["reason"] = result_words.of_check(check)
    for alert, written in zip(verdict.alerts, built["alerts"], strict=True):
        written["reason"] = alert_words.of_alert(alert)
    for panel, written in zip(verdict.panels, built["panels"], strict=True):
        written["reason"] = result_words.of_panel(panel)
    return (
        {"version": VERSION}
        | built
        | {
            "reasons": words.reasons(verdict),
            "not_recorded": words.not_recorded(verdict),
        }
    )


def schema() -> dict[str, Any]:
    """The JSON schema of `verdict.json`."""
    made = msgspec.json.schema(Verdict)
    for name in _WORDED:
        _add(made["$defs"][name], "reason", _REASON)
    _add(made["$defs"]["Verdict"], "version", {"const": VERSION, "description": "Of this document."})
    _add(made["$defs"]["Verdict"], "reasons", _REASONS)
    _add(made["$defs"]["Verdict"], "not_recorded", _NOT_RECORDED)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "verdict.json", **made}


def schema_text() -> str:
    """The schema as it is committed."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


def _add(definition: dict[str, Any], name: str, field: dict[str, Any]) -> None:
    definition["properties"][name] = field
    definition["required"] = [*definition["required"], name]
