"""Redis from both sides: the cluster's nodes, and the cache and the sessions that live in it."""

from dashboards.generator.board import (
    RATE,
    SELECTED,
    UP_OR_DOWN,
    Board,
    Kind,
    Panel,
    Query,
    Row,
    State,
    Variable,
    job_and_instance,
    quantile,
    rate,
)

_CLIENT = 'instance=~"$client"'
_POOL = f'{_CLIENT},db_client_connection_pool_name="redis"'
_OPERATIONS = "db_client_operation_duration_seconds"
_COMMANDS = f'{_CLIENT},db_system_name="redis"'
_NODE = "{{instance}}"

_CLUSTER = Row(
    "Cluster",
    (
        Panel(
            "Nodes",
            "Whether each node lets the exporter in.",
            "none",
            (Query(f"redis_up{{{SELECTED}}}", _NODE),),
            kind=Kind.STATES,
            states=UP_OR_DOWN,
            alerts=("RedisNodeDown",),
        ),
        Panel(
            "Cluster, as each node sees it",
            "Failed while a slot has no master: the node then answers nothing.",
            "none",
            (Query(f"redis_cluster_state{{{SELECTED}}}", _NODE),),
            kind=Kind.STATES,
            states=(State(0, "failed", "red"), State(1, "ok", "green")),
            alerts=("RedisClusterFailed",),
        ),
        Panel(
            "Roles",
            "Which nodes are masters and which are replicas; bands end and begin with every failover.",
            "none",
            (Query(f"count by (instance, role) (redis_instance_info{{{SELECTED}}})", "{{instance}} {{role}}"),),
            kind=Kind.STATES,
            states=(State(1, "yes", "blue"),),
            alerts=("RedisMasterWithoutReplica", "RedisClusterFailed"),
        ),
        Panel(
            "Slots",
            "Of 16384, as the most pessimistic node sees them.",
            "none",
            (
                Query(f"min(redis_cluster_slots_ok{{{SELECTED}}})", "ok"),
                Query(f"max(redis_cluster_slots_pfail{{{SELECTED}}})", "perhaps failed"),
                Query(f"max(redis_cluster_slots_fail{{{SELECTED}}})", "failed"),
            ),
            alerts=("RedisClusterFailed",),
        ),
        Panel(
            "Replicas of each node",
            "Replicas that are connected; a master without one loses its slots when it dies.",
            "none",
            (Query(f"redis_connected_slaves{{{SELECTED}}}", _NODE),),
            alerts=("RedisMasterWithoutReplica",),
        ),
        Panel(
            "Replication links",
            "Up while a replica gets what its master writes.",
            "none",
            (Query(f"max by (instance) (redis_master_link_up{{{SELECTED}}})", _NODE),),
            kind=Kind.STATES,
            states=UP_OR_DOWN,
            alerts=("RedisReplicationBroken",),
        ),
        Panel(
            "Replication lag",
            "Seconds since a replica last acknowledged, as its master sees it.",
            "s",
            (Query(f"max by (instance) (redis_connected_slave_lag_seconds{{{SELECTED}}})", _NODE),),
            alerts=("RedisReplicationBroken",),
        ),
    ),
)

_NODES = Row(
    "Nodes",
    (
        Panel(
            "Commands",
            "A second.",
            "ops",
            (Query(rate("redis_commands_processed_total", SELECTED, "instance"), _NODE),),
        ),
        Panel(
            "Memory, share of the limit",
            "At 1 a node throws entries away to take new ones.",
            "percentunit",
            (
                Query(
                    f"redis_memory_used_bytes{{{SELECTED}}} / redis_memory_max_bytes{{{SELECTED}}}",
                    _NODE,
                ),
            ),
            limit=0.9,
            alerts=("RedisMemoryNearLimit",),
        ),
        Panel(
            "Evicted and expired",
            "Entries a second that were thrown away for room, and those whose time was over.",
            "ops",
            (
                Query(f"sum(rate(redis_evicted_keys_total{{{SELECTED}}}{RATE}))", "evicted"),
                Query(f"sum(rate(redis_expired_keys_total{{{SELECTED}}}{RATE}))", "expired"),
            ),
            alerts=("RedisMemoryNearLimit", "ShopCacheHitRatioLow"),
        ),
        Panel(
            "Error replies",
            "Commands a second that a node refused; MOVED and ASK count as well, so that a failover shows here.",
            "ops",
            (Query(rate("redis_total_error_replies", SELECTED, "instance"), _NODE),),
            alerts=("ShopCacheErrorsHigh",),
        ),
        Panel(
            "Clients",
            "Connections of each node.",
            "none",
            (Query(f"redis_connected_clients{{{SELECTED}}}", _NODE),),
        ),
        Panel(
            "Turned away",
            "Connections a second that a node refused because it has too many.",
            "ops",
            (Query(rate("redis_rejected_connections_total", SELECTED, "instance"), _NODE),),
        ),
    ),
)

_CLIENTS = Row(
    "Operations, as the shop sees them",
    (
        Panel(
            "Operation, p95",
            "One operation on the cluster, redirections included; with example traces.",
            "s",
            (Query(quantile(0.95, _OPERATIONS, _COMMANDS, "instance"), _NODE, exemplars=True),),
            alerts=("RedisLatencyHigh",),
            traces="shop",
        ),
        Panel(
            "Operations by outcome",
            "A second; those without a class of error went well.",
            "ops",
            (Query(rate(f"{_OPERATIONS}_count", _COMMANDS, "error_type"), "{{error_type}}"),),
            alerts=("ShopCacheErrorsHigh", "ShopSessionStoreFailing"),
            traces="shop",
        ),
        Panel(
            "Connections by state",
            "Connections of the shop's pools, and requests that wait for one.",
            "none",
            (
                Query(
                    f"sum by (db_client_connection_state) (db_client_connection_count{{{_POOL}}})",
                    "{{db_client_connection_state}}",
                ),
                Query(f"sum(db_client_connection_pending_requests{{{_POOL}}})", "waiting"),
            ),
            alerts=("RedisLatencyHigh",),
            traces="shop",
        ),
    ),
)

_READS = "app_cache_requests_total"
_CACHE = Row(
    "Cache and sessions",
    (
        Panel(
            "Hit ratio by layer",
            "Of the reads that a layer (l1: memory, l2: Redis) answered at all, the share it answered with an entry"
            " within its time.",
            "percentunit",
            (
                Query(
                    f'sum by (layer) (rate({_READS}{{{_CLIENT},result="hit"}}{RATE}))'
                    f' / sum by (layer) (rate({_READS}{{{_CLIENT},result=~"hit|miss|stale|negative"}}{RATE}))',
                    "{{layer}}",
                ),
            ),
            alerts=("ShopCacheHitRatioLow",),
            traces="shop",
        ),
        Panel(
            "Reads by layer and result",
            "Reads a second; an error of l2 goes on to the source.",
            "ops",
            (Query(rate(_READS, _CLIENT, "layer", "result"), "{{layer}} {{result}}"),),
            kind=Kind.STACK,
            alerts=("ShopCacheErrorsHigh", "ShopCacheHitRatioLow"),
            traces="shop",
        ),
        Panel(
            "Reads at the source, and stale answers",
            "A second: reads that went to Postgres, and answers past their time, by reason.",
            "ops",
            (
                Query(rate("app_cache_source_reads_total", _CLIENT, "cache"), "source: {{cache}}"),
                Query(rate("app_cache_stale_answers_total", _CLIENT, "reason"), "stale: {{reason}}"),
            ),
            alerts=("ShopServesStale",),
            traces="shop",
        ),
        Panel(
            "Session operations",
            "A second, by result: `unknown` is a token that is not found, `error` a store that failed.",
            "ops",
            (Query(rate("app_session_operations_total", _CLIENT, "operation", "result"), "{{operation}} {{result}}"),),
            alerts=("ShopSessionStoreFailing",),
            traces="shop",
        ),
        Panel(
            "Entries in memory",
            "Bytes that the first layer holds, by cache.",
            "bytes",
            (Query(f"sum by (cache, instance) (app_cache_bytes{{{_CLIENT}}})", "{{instance}} {{cache}}"),),
        ),
        Panel(
            "Invalidations",
            "Entries a second that a write threw away, by result.",
            "ops",
            (Query(rate("app_cache_invalidations_total", _CLIENT, "result"), "{{result}}"),),
            alerts=("ShopCacheErrorsHigh",),
            traces="shop",
        ),
    ),
)

BOARD = Board(
    "redis",
    "Stormdrill / Redis, cache and sessions",
    "Job and instance select the nodes, client the shop instances whose cache and sessions are shown.",
    (*job_and_instance("redis_up"), Variable("client", "Client", _READS, "instance")),
    (_CLUSTER, _NODES, _CLIENTS, _CACHE),
)
