"""What the Postgres agents share: connections that say whose they are, and that no dead agent leaves working."""

from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_WITHIN_SECONDS = 3
# A backend that computes does not notice by itself that nobody listens any more, and one in a transaction keeps its
# locks: it looks for its client every second, and gives up on one that stands still for ten.
_OPTIONS = "-c client_connection_check_interval=1000 -c idle_in_transaction_session_timeout=10000"


def connect(dsn: str, name: str) -> Connection:
    """A connection in autocommit mode under this application name. Raises psycopg.OperationalError."""
    return psycopg.connect(
        dsn, autocommit=True, application_name=name, connect_timeout=CONNECT_WITHIN_SECONDS, options=_OPTIONS
    )
