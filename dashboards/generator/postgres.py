"""Postgres from both sides: the services' pools and operations, and the server itself."""

from dashboards.generator.board import (
    RATE,
    SELECTED,
    UP_OR_DOWN,
    Board,
    Kind,
    Panel,
    Query,
    Row,
    Variable,
    job_and_instance,
    quantile,
    rate,
)

_NAME = "db_client_connection_pool_name"
_POOL = f'{SELECTED},{_NAME}="postgres"'
_SERVER = 'instance=~"$server"'
_OPERATIONS = "db_client_operation_duration_seconds"
_SQL = f'{SELECTED},db_system_name="postgresql"'
_INSTANCE = "{{instance}}"
_OWN_TRACES = "${__field.labels.job}"

_POOLS = Row(
    "Pools, as the services see them",
    (
        Panel(
            "Connections by state",
            "Connections of all selected pools, and how many they may have at most.",
            "none",
            (
                Query(
                    f"sum by (db_client_connection_state) (db_client_connection_count{{{_POOL}}})",
                    "{{db_client_connection_state}}",
                ),
                Query(f"sum(db_client_connection_max{{{_POOL}}})", "at most"),
            ),
            alerts=("PostgresPoolNearLimit", "PostgresPoolExhausted"),
        ),
        Panel(
            "Used, share of the limit",
            "At 1 further requests wait for a connection.",
            "percentunit",
            (
                Query(
                    f'sum by (job, instance) (db_client_connection_count{{{_POOL},db_client_connection_state="used"}})'
                    f" / sum by (job, instance) (db_client_connection_max{{{_POOL}}})",
                    _INSTANCE,
                ),
            ),
            limit=0.8,
            alerts=("PostgresPoolNearLimit", "PostgresPoolExhausted"),
            traces=_OWN_TRACES,
        ),
        Panel(
            "Waiting for a connection",
            "Requests in the pools' queues at the moment of the scrape.",
            "none",
            (Query(f"sum by (job, instance) (db_client_connection_pending_requests{{{_POOL}}})", _INSTANCE),),
            alerts=("PostgresPoolExhausted",),
            traces=_OWN_TRACES,
        ),
        Panel(
            "Wait, p95",
            "Time until a connection was there, or was given up on.",
            "s",
            (Query(quantile(0.95, "db_client_connection_wait_time_seconds", _POOL, "job", "instance"), _INSTANCE),),
            alerts=("PostgresPoolTimeouts", "PostgresPoolExhausted"),
            traces=_OWN_TRACES,
        ),
        Panel(
            "Waits in vain",
            "Requests a second that were given no connection in time.",
            "reqps",
            (Query(rate("db_client_connection_timeouts_total", _POOL, "job", "instance"), _INSTANCE),),
            alerts=("PostgresPoolTimeouts",),
            traces=_OWN_TRACES,
        ),
        Panel(
            "Operation, p95",
            "One use of a connection, from when it was there until it was given back; with example traces.",
            "s",
            (Query(quantile(0.95, _OPERATIONS, _SQL, "job", "instance"), _INSTANCE, exemplars=True),),
            limit=0.25,
            alerts=("PostgresLatencyHigh",),
            traces=_OWN_TRACES,
        ),
        Panel(
            "Operations by outcome",
            "Operations a second; those without a class of error went well.",
            "ops",
            (Query(rate(f"{_OPERATIONS}_count", _SQL, "job", "error_type"), "{{job}} {{error_type}}"),),
            alerts=("ShopDependencyFailing", "PostgresDown"),
            traces=_OWN_TRACES,
        ),
    ),
)

_SERVER_ROW = Row(
    "Server",
    (
        Panel(
            "Answers",
            "Whether the server lets the exporter in.",
            "none",
            (Query(f"pg_up{{{_SERVER}}}", _INSTANCE),),
            kind=Kind.STATES,
            states=UP_OR_DOWN,
            alerts=("PostgresDown",),
        ),
        Panel(
            "Connections by state, against the limit",
            "All connections of the server, whoever holds them.",
            "none",
            (
                Query(f"sum by (state) (pg_stat_activity_count{{{_SERVER}}})", "{{state}}"),
                Query(f"max(pg_settings_max_connections{{{_SERVER}}})", "at most"),
            ),
            alerts=("PostgresConnectionsNearLimit",),
        ),
        Panel(
            "Longest transaction",
            "Age of the oldest transaction, by state; one that is idle holds its locks for nothing.",
            "s",
            (Query(f"max by (state) (pg_stat_activity_max_tx_duration{{{_SERVER}}})", "{{state}}"),),
            alerts=("PostgresLatencyHigh",),
        ),
        Panel(
            "Locks",
            "Locks that are held, by mode.",
            "none",
            (Query(f"sum by (mode) (pg_locks_count{{{_SERVER}}})", "{{mode}}"),),
            kind=Kind.STACK,
            alerts=("PostgresLatencyHigh",),
        ),
        Panel(
            "Transactions",
            "A second, by database and end; a rollback is an error, a lost race or a connection that broke.",
            "ops",
            (
                Query(rate("pg_stat_database_xact_commit", f'{_SERVER},datname!=""', "datname"), "{{datname}} commit"),
                Query(
                    rate("pg_stat_database_xact_rollback", f'{_SERVER},datname!=""', "datname"), "{{datname}} rollback"
                ),
            ),
        ),
        Panel(
            "Deadlocks and conflicts",
            "A second.",
            "ops",
            (
                Query(f"sum(rate(pg_stat_database_deadlocks{{{_SERVER}}}{RATE}))", "deadlocks"),
                Query(f"sum(rate(pg_stat_database_conflicts{{{_SERVER}}}{RATE}))", "conflicts"),
            ),
        ),
        Panel(
            "Size",
            "Of each database on disk.",
            "bytes",
            (Query(f"pg_database_size_bytes{{{_SERVER}}}", "{{datname}}"),),
        ),
    ),
)

_ORDERS = Row(
    "Orders",
    (
        Panel(
            "Orders by outcome",
            "A second; `unknown` are those whose client was not told.",
            "ops",
            (Query(rate("app_orders_total", SELECTED, "outcome"), "{{outcome}}"),),
            traces="shop",
        ),
        Panel(
            "Abandoned orders",
            "Begun, never finished and not swept yet, as each instance's sweeper counted them last; those that are"
            " overdue two sweeps should have ended.",
            "none",
            (
                Query(f"max by (instance) (app_orders_abandoned{{{SELECTED}}})", _INSTANCE),
                Query(f"max by (instance) (app_orders_overdue{{{SELECTED}}})", f"{_INSTANCE} overdue"),
            ),
            alerts=("ShopOrdersAbandoned",),
            traces="shop",
        ),
        Panel(
            "Sweeper",
            "A second: orders whose stock was given back or could not be, and sweeps that failed as a whole.",
            "ops",
            (
                Query(rate("app_orders_swept_total", SELECTED, "result"), "{{result}}"),
                Query(f"sum(rate(app_order_sweeps_failed_total{{{SELECTED}}}{RATE}))", "sweeps failed"),
            ),
            alerts=("ShopOrdersAbandoned",),
            traces="shop",
        ),
    ),
)

BOARD = Board(
    "postgres",
    "Stormdrill / Postgres and pools",
    "Job and instance select the services whose pools are shown, server the Postgres itself.",
    (
        *job_and_instance(f'db_client_connection_max{{{_NAME}="postgres"}}'),
        Variable("server", "Server", "pg_up", "instance"),
    ),
    (_POOLS, _SERVER_ROW, _ORDERS),
)
