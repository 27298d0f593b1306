"""A span for each SQL statement, with its text and without its values."""

import re
from functools import lru_cache
from typing import Any

from opentelemetry.trace import SpanKind
from psycopg import AsyncCursor, Error
from psycopg.conninfo import conninfo_to_dict

from services.kit.telemetry.spans import span

_TARGET = re.compile(r"\b(?:INSERT INTO|UPDATE|FROM)\s+([a-z_]+\.[a-z_]+)")


def traced_cursor(dsn: str) -> type[AsyncCursor[Any]]:
    """Return the class of cursors for connections to this database."""
    parts = conninfo_to_dict(dsn)
    place = {"db.system.name": "postgresql", "db.namespace": str(parts.get("dbname", ""))}
    if host := parts.get("host"):
        place |= {"server.address": str(host)}
    port = int(parts.get("port") or 5432)

    @lru_cache(maxsize=256)
    def describe(statement: str) -> tuple[str, dict[str, Any]]:
        operation = statement.split(None, 1)[0]
        found = _TARGET.search(statement)
        about: dict[str, Any] = {
            **place,
            "server.port": port,
            "db.operation.name": operation,
            "db.query.text": statement,
        }
        if found is None:
            return operation, about
        return f"{operation} {found[1]}", {**about, "db.collection.name": found[1]}

    class TracedCursor(AsyncCursor[Any]):
        async def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
            name, attributes = describe(str(query))
            with span(name, attributes, SpanKind.CLIENT) as current:
                try:
                    return await super().execute(query, params, **options)
                except Error as error:
                    if error.sqlstate:
                        current.set_attribute("db.response.status_code", error.sqlstate)
                    raise

    return TracedCursor
