"""Each instance of the services: whether it serves, how much it does, and how full it is."""

from dashboards.generator.board import (
    KILL_SHOP,
    RATE,
    SELECTED,
    UP_OR_DOWN,
    Board,
    Kind,
    Panel,
    Query,
    Row,
    State,
    answered,
    job_and_instance,
    quantile,
    rate,
)

_SERVER = "http_server_request_duration_seconds"
_BY = ("job", "instance")
_NAME = "{{instance}}"
_OWN_TRACES = "${__field.labels.job}"

_SERVES = Row(
    "Serving",
    (
        Panel(
            "Answers Prometheus",
            "Up while at least one worker of the instance answered one of the last four scrapes: a single lost scrape"
            " is no outage. `up` of a single target means nothing, as most of an instance's metrics ports are unused.",
            "none",
            (Query(answered(SELECTED), _NAME),),
            kind=Kind.STATES,
            width=12,
            states=UP_OR_DOWN,
            moves_with=(KILL_SHOP,),
            alerts=("ShopInstanceDown", "InventoryInstanceDown", "ShopRedundancyLost"),
        ),
        Panel(
            "Wants requests",
            "What the instance itself says at /readyz; a gap is an instance that says nothing.",
            "none",
            (Query(f"max by (job, instance) (app_ready{{{SELECTED}}})", _NAME),),
            kind=Kind.STATES,
            width=12,
            states=(State(0, "drains", "orange"), State(1, "ready", "green")),
            moves_with=(KILL_SHOP,),
            alerts=("ShopInstanceDown", "InventoryInstanceDown"),
        ),
    ),
)

_WORK = Row(
    "Work",
    (
        Panel(
            "Requests",
            "Requests a second; the line of an instance that is down ends, and the others take its share.",
            "reqps",
            (Query(rate(f"{_SERVER}_count", SELECTED, *_BY), _NAME),),
            moves_with=(KILL_SHOP,),
            alerts=("ShopInstanceDown",),
            traces=_OWN_TRACES,
        ),
        Panel(
            "p95",
            "Duration that 95 % of an instance's requests did not exceed, with example traces.",
            "s",
            (Query(quantile(0.95, _SERVER, SELECTED, *_BY), _NAME, exemplars=True),),
            alerts=("ShopLatencyBudgetBurnFast",),
            traces=_OWN_TRACES,
        ),
        Panel(
            "5xx",
            "5xx answers a second.",
            "reqps",
            (Query(rate(f"{_SERVER}_count", f'{SELECTED},http_response_status_code=~"5.."', *_BY), _NAME),),
            alerts=("ShopErrorBudgetBurnFast",),
            traces=_OWN_TRACES,
        ),
    ),
)

_SATURATION = Row(
    "Saturation",
    (
        Panel(
            "CPU",
            "Cores in use; a worker is one thread of Python and cannot use more than about one.",
            "none",
            (Query(rate("process_cpu_seconds_total", SELECTED, *_BY), _NAME),),
            traces=_OWN_TRACES,
        ),
        Panel(
            "Event loop lag, p99",
            "How late timers of the event loop go off: what a blocking call costs every request of the worker.",
            "s",
            (Query(quantile(0.99, "app_event_loop_lag_seconds", SELECTED, *_BY), _NAME),),
            alerts=("ShopEventLoopBlocked",),
            traces=_OWN_TRACES,
        ),
        Panel(
            "In flight",
            "Requests being worked on at the moment of the scrape.",
            "none",
            (Query(f"sum by (job, instance) (http_server_active_requests{{{SELECTED}}})", _NAME),),
            traces=_OWN_TRACES,
        ),
        Panel(
            "Memory",
            "Resident memory of all workers of the instance.",
            "bytes",
            (Query(f"sum by (job, instance) (process_resident_memory_bytes{{{SELECTED}}})", _NAME),),
        ),
        Panel(
            "Open files, share of the limit",
            "Sockets included; at 1 no connection can be opened any more.",
            "percentunit",
            (
                Query(
                    f"max by (job, instance) (process_open_fds{{{SELECTED}}} / process_max_fds{{{SELECTED}}})",
                    _NAME,
                ),
            ),
        ),
        Panel(
            "Age",
            "Time since the youngest worker started; it falls to nothing with every restart.",
            "s",
            (Query(f"time() - max by (job, instance) (process_start_time_seconds{{{SELECTED}}})", _NAME),),
        ),
        Panel(
            "Calls to inventory, p95",
            "Duration of the shop's HTTP calls, retries apart, as the shop sees them.",
            "s",
            (
                Query(
                    quantile(0.95, "http_client_request_duration_seconds", SELECTED, *_BY, "server_address"),
                    "{{instance}} to {{server_address}}",
                    exemplars=True,
                ),
            ),
            width=12,
            alerts=("ShopDependencyFailing",),
            traces="shop",
        ),
        Panel(
            "Calls to inventory, connections",
            "Connections of the shop's HTTP pool by state, and requests that wait for one.",
            "none",
            (
                Query(
                    f"sum by (http_client_connection_state) (http_client_connection_count{{{SELECTED}}})",
                    "{{http_client_connection_state}}",
                ),
                Query(f"sum(http_client_connection_pending_requests{{{SELECTED}}})", "waiting"),
                Query(
                    f"sum(rate(http_client_connection_timeouts_total{{{SELECTED}}}{RATE}))", "gave up waiting, a second"
                ),
            ),
            width=12,
            alerts=("ShopDependencyFailing",),
            traces="shop",
        ),
    ),
)

BOARD = Board(
    "instances",
    "Stormdrill / Instances",
    "Each instance of a service: utilisation, saturation and errors.",
    job_and_instance("app_build_info"),
    (_SERVES, _WORK, _SATURATION),
)
