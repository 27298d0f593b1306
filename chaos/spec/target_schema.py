"""The JSON schema of a target file, for editors and for whoever writes one by a program."""

from typing import Any

import msgspec

from chaos.spec.target import Target
from chaos.spec.values import Bound, Duration

_TEXT = {
    Duration: {"type": "string", "description": "A duration such as 500ms, 90s, 2m or 1h30m."},
    Bound: {"type": "string", "description": 'A bound such as "< 0.01" or "== 0".'},
}


def schema() -> dict[str, Any]:
    """What a target file may say."""
    made = msgspec.json.schema(Target, schema_hook=lambda kind: _TEXT[kind])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "target.yaml", **made}


def text() -> str:
    """The same as it is printed."""
    return msgspec.json.format(msgspec.json.encode(schema(), enc_hook=str), indent=2).decode() + "\n"
