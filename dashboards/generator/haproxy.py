"""The load balancer: what it thinks of each server, what it answered, and how full it is."""

from dashboards.generator.board import (
    KILL_SHOP,
    RATE,
    SELECTED,
    Board,
    Kind,
    Panel,
    Query,
    Row,
    State,
    Variable,
    job_and_instance,
    rate,
)

_PROXY = f'{SELECTED},proxy=~"$proxy"'
_STATES = (
    State(0, "down", "red"),
    State(1, "up", "green"),
    State(2, "drain", "blue"),
    State(3, "maintenance", "yellow"),
    State(4, "no balancing", "orange"),
)


def _server_state() -> str:
    # One series a state, of which one is 1: a single number a server makes a band of it. Those that panic routing has
    # besides are left out.
    codes = ("UP", "DRAIN", "MAINT", "NOLB")
    terms = (
        f'{code} * sum by (proxy, server) (haproxy_server_status{{{_PROXY},state="{state}",server!~"panic-.*"}})'
        for code, state in enumerate(codes, 1)
    )
    return " + ".join(terms)


_SERVERS = Row(
    "Servers",
    (
        Panel(
            "Server states",
            "HAProxy's verdict on each server, from health checks and from the answers it gave to users.",
            "none",
            (Query(_server_state(), "{{proxy}}: {{server}}"),),
            kind=Kind.STATES,
            width=16,
            states=_STATES,
            moves_with=(KILL_SHOP,),
            alerts=("HAProxyServerDown", "HAProxyBackendDown", "HAProxyDown"),
        ),
        Panel(
            "Servers in rotation",
            "Servers to which a backend sends requests; at 0 it sends them to all that pass their checks, if any do.",
            "none",
            (Query(f"haproxy_backend_active_servers{{{_PROXY}}}", "{{proxy}}"),),
            moves_with=(KILL_SHOP,),
            alerts=("HAProxyBackendDown", "ShopRedundancyLost", "InventoryDown"),
        ),
        Panel(
            "Answers by server",
            "Answers a second that each server gave.",
            "reqps",
            (Query(rate("haproxy_server_http_responses_total", _PROXY, "proxy", "server"), "{{proxy}}: {{server}}"),),
            alerts=("HAProxyServerDown",),
            traces="shop",
        ),
        Panel(
            "Health check duration",
            "How long the latest health check of each server took; checks have a time limit.",
            "s",
            (Query(f"haproxy_server_check_duration_seconds{{{_PROXY}}}", "{{proxy}}: {{server}}"),),
            alerts=("HAProxyServerDown",),
        ),
        Panel(
            "Failed health checks",
            "Failed checks a second, while the server is up: what precedes a server that is taken out.",
            "ops",
            (Query(rate("haproxy_server_check_failures_total", _PROXY, "proxy", "server"), "{{proxy}}: {{server}}"),),
            alerts=("HAProxyServerDown",),
        ),
    ),
)

_ANSWERS = Row(
    "Answers",
    (
        Panel(
            "Answers by class",
            "Answers a second at each frontend, by the class of their status.",
            "reqps",
            (Query(rate("haproxy_frontend_http_responses_total", _PROXY, "proxy", "code"), "{{proxy}} {{code}}"),),
            kind=Kind.STACK,
            alerts=("ShopErrorBudgetBurnFast",),
            traces="shop",
        ),
        Panel(
            "5xx, by who made them",
            "5xx answers a second of each backend, and those of them that no server gave: HAProxy's own.",
            "reqps",
            (
                Query(
                    "clamp_min("
                    + rate("haproxy_backend_http_responses_total", f'{_PROXY},code="5xx"', "proxy")
                    + " - "
                    + rate("haproxy_server_http_responses_total", f'{_PROXY},code="5xx"', "proxy")
                    + ", 0)",
                    "{{proxy}}: HAProxy itself",
                ),
                Query(
                    rate("haproxy_server_http_responses_total", f'{_PROXY},code="5xx"', "proxy", "server"),
                    "{{proxy}}: {{server}}",
                ),
            ),
            alerts=("HAProxyLocalErrors",),
            traces="shop",
        ),
        Panel(
            "Response time",
            "Time until a server's answer began, mean of the last 1024 requests of each backend.",
            "s",
            (Query(f"haproxy_backend_response_time_average_seconds{{{_PROXY}}}", "{{proxy}}"),),
            traces="shop",
        ),
        Panel(
            "Retries and redispatches",
            "Requests a second that were sent again, and those of them that went to another server.",
            "reqps",
            (
                Query(rate("haproxy_backend_retry_warnings_total", _PROXY, "proxy"), "{{proxy}}: again"),
                Query(rate("haproxy_backend_redispatch_warnings_total", _PROXY, "proxy"), "{{proxy}}: elsewhere"),
            ),
            alerts=("HAProxyRetriesHigh",),
            traces="shop",
        ),
        Panel(
            "Connections and answers that failed",
            "A second: connections to servers that could not be made, and answers that broke off.",
            "ops",
            (
                Query(rate("haproxy_backend_connection_errors_total", _PROXY, "proxy"), "{{proxy}}: connections"),
                Query(rate("haproxy_backend_response_errors_total", _PROXY, "proxy"), "{{proxy}}: answers"),
            ),
            alerts=("HAProxyRetriesHigh", "HAProxyServerDown"),
            traces="shop",
        ),
        Panel(
            "Requests over the limit, share of all",
            "Users' requests that were answered with 429, because their address asked for too much.",
            "percentunit",
            (
                Query(
                    f'sum(rate(haproxy_backend_requests_denied_total{{{SELECTED},proxy="limited"}}{RATE}))'
                    f' / sum(rate(haproxy_frontend_http_requests_total{{{SELECTED},proxy="shop"}}{RATE}))',
                    "429",
                ),
            ),
            limit=0.01,
            alerts=("HAProxyRequestsLimited",),
        ),
        Panel(
            "Answers from HAProxy's cache",
            "A second: requests that were looked up in the cache, and those it answered.",
            "reqps",
            (
                Query(f"sum(rate(haproxy_frontend_http_cache_lookups_total{{{_PROXY}}}{RATE}))", "looked up"),
                Query(f"sum(rate(haproxy_frontend_http_cache_hits_total{{{_PROXY}}}{RATE}))", "answered"),
            ),
        ),
    ),
)

_FULL = Row(
    "Saturation",
    (
        Panel(
            "Queue",
            "Requests that wait for any server to have room, and those that wait for one of them.",
            "none",
            (
                Query(f"haproxy_backend_current_queue{{{_PROXY}}}", "{{proxy}}"),
                Query(f"haproxy_server_current_queue{{{_PROXY}}}", "{{server}}"),
            ),
            alerts=("HAProxyQueueing",),
        ),
        Panel(
            "Time in the queue",
            "Mean of the last 1024 requests of each backend.",
            "s",
            (Query(f"haproxy_backend_queue_time_average_seconds{{{_PROXY}}}", "{{proxy}}"),),
            alerts=("HAProxyQueueing",),
        ),
        Panel(
            "Requests at a server, share of its limit",
            "At 1 further requests wait in the queue.",
            "percentunit",
            (
                Query(
                    f"haproxy_server_current_sessions{{{_PROXY}}} / haproxy_server_limit_sessions{{{_PROXY}}}",
                    "{{proxy}}: {{server}}",
                ),
            ),
            limit=0.8,
            alerts=("HAProxyServerSaturated",),
        ),
        Panel(
            "Connections, share of the limit",
            "Of the whole process and of each frontend; at 1 further users wait in the kernel and see nothing.",
            "percentunit",
            (
                Query(
                    f"haproxy_process_current_connections{{{SELECTED}}}"
                    f" / haproxy_process_max_connections{{{SELECTED}}}",
                    "{{instance}}",
                ),
                Query(
                    f"haproxy_frontend_current_sessions{{{_PROXY}}} / haproxy_frontend_limit_sessions{{{_PROXY}}}",
                    "{{proxy}}",
                ),
            ),
            limit=0.8,
            alerts=("HAProxyConnectionsNearLimit",),
        ),
    ),
)

BOARD = Board(
    "haproxy",
    "Stormdrill / HAProxy",
    "The load balancer in front of shop and inventory.",
    (
        *job_and_instance("haproxy_process_start_time_seconds"),
        Variable("proxy", "Proxy", f"haproxy_backend_status{{{SELECTED}}}", "proxy"),
    ),
    (_SERVERS, _ANSWERS, _FULL),
)
