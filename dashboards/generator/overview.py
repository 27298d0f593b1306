"""What users get: the objective and its budget, requests, errors and durations, and what made the errors."""

from dashboards.generator.board import (
    KILL_SHOP,
    RATE,
    SELECTED,
    Board,
    Kind,
    Panel,
    Query,
    Row,
    answered,
    job_and_instance,
    quantile,
    rate,
)

_FRONT = 'proxy=~"$frontend"'
_SERVER = "http_server_request_duration_seconds"
_BURN = ("ShopErrorBudgetBurnFast", "ShopErrorBudgetBurnSlow")
_LATENCY_BURN = ("ShopLatencyBudgetBurnFast", "ShopLatencyBudgetBurnSlow")


def _burns(record: str, budget: float) -> tuple[Query, ...]:
    # The alerts' own records; their names keep production's windows, which are shorter in a drill.
    return tuple(Query(f"{record}:ratio_rate{window} / {budget:g}", window) for window in ("5m", "30m", "1h", "6h"))


_OBJECTIVE = Row(
    "Objective: 99.9 % of requests without a 5xx, 99 % within 500 ms",
    (
        Panel(
            "Error budget burn",
            "How many times faster than allowed the error budget is spent; at 1 it lasts exactly 30 days. Pages at 14.4"
            " over 5m and 1h together, warns at 6 over 30m and 6h. A drill's windows are a sixtieth of their names.",
            "none",
            _burns("proxy:haproxy_frontend_http_errors", 0.001),
            limit=14.4,
            alerts=_BURN,
            traces="shop",
        ),
        Panel(
            "Latency budget burn",
            "The same for requests that instances took longer than 500 ms to answer, of which 1 % are allowed.",
            "none",
            _burns("job:http_server_requests_slow", 0.01),
            limit=14.4,
            alerts=_LATENCY_BURN,
            traces="shop",
        ),
        Panel(
            "Error budget left, of the time shown",
            "1 is untouched, 0 is spent, below 0 the objective is missed over the time that is shown.",
            "percentunit",
            (
                Query(
                    f'1 - sum(rate(haproxy_frontend_http_responses_total{{{_FRONT},code="5xx"}}[$__range]))'
                    f" / sum(rate(haproxy_frontend_http_responses_total{{{_FRONT}}}[$__range])) / 0.001"
                ),
            ),
            kind=Kind.NUMBER,
            alerts=_BURN,
        ),
        Panel(
            "Instances that answer",
            "Instances of each service of which at least one worker answered one of the last four scrapes.",
            "none",
            (Query("sum by (job) (" + answered('job=~"$job"') + ")", "{{job}}"),),
            moves_with=(KILL_SHOP,),
            alerts=("ShopRedundancyLost", "InventoryDown"),
        ),
        Panel(
            "Share of requests slower than 500 ms",
            "Of the requests that shop instances answered; the objective allows 1 %.",
            "percentunit",
            (
                Query(
                    f'1 - sum by (job) (rate({_SERVER}_bucket{{{SELECTED},le="0.5"}}{RATE}))'
                    f" / sum by (job) (rate({_SERVER}_count{{{SELECTED}}}{RATE}))",
                    "{{job}}",
                ),
            ),
            limit=0.01,
            width=16,
            alerts=_LATENCY_BURN,
            traces="shop",
        ),
    ),
)

_USERS = Row(
    "Users, as HAProxy sees them",
    (
        Panel(
            "Requests",
            "Requests a second at the users' frontend.",
            "reqps",
            (Query(rate("haproxy_frontend_http_requests_total", _FRONT, "proxy"), "{{proxy}}"),),
            traces="shop",
        ),
        Panel(
            "Errors, by who made them",
            "5xx answers a second: those that an instance gave, and those that HAProxy made itself because it had no"
            " instance to ask, or waited in vain for one. A request that is repeated may count as an instance's alone.",
            "reqps",
            (
                Query(
                    "clamp_min("
                    + rate("haproxy_frontend_http_responses_total", f'{_FRONT},code="5xx"', "proxy")
                    + " - "
                    + rate("haproxy_server_http_responses_total", f'{_FRONT},code="5xx"', "proxy")
                    + ", 0)",
                    "HAProxy itself",
                ),
                Query(rate("haproxy_server_http_responses_total", f'{_FRONT},code="5xx"', "proxy"), "an instance"),
            ),
            kind=Kind.STACK,
            alerts=("HAProxyLocalErrors", "HAProxyBackendDown"),
            traces="shop",
        ),
        Panel(
            "In flight",
            "Requests that instances work on at the moment of the scrape.",
            "none",
            (Query(f"sum by (job, instance) (http_server_active_requests{{{SELECTED}}})", "{{instance}}"),),
            traces="${__field.labels.job}",
        ),
    ),
)

_ROUTES = Row(
    "Routes",
    (
        Panel(
            "Requests by route",
            "Requests a second that instances answered.",
            "reqps",
            (Query(rate(f"{_SERVER}_count", SELECTED, "job", "http_route"), "{{job}} {{http_route}}"),),
            traces="${__field.labels.job}",
        ),
        Panel(
            "5xx by route",
            "5xx answers a second that instances gave.",
            "reqps",
            (
                Query(
                    rate(f"{_SERVER}_count", f'{SELECTED},http_response_status_code=~"5.."', "job", "http_route"),
                    "{{job}} {{http_route}}",
                ),
            ),
            alerts=_BURN,
            traces="${__field.labels.job}",
        ),
        Panel(
            "p95 by route",
            "Duration that 95 % of a route's requests did not exceed, with example traces. A route without requests"
            " has none.",
            "s",
            (
                Query(
                    quantile(0.95, _SERVER, SELECTED, "job", "http_route"),
                    "{{job}} {{http_route}}",
                    exemplars=True,
                ),
            ),
            alerts=_LATENCY_BURN,
            traces="${__field.labels.job}",
        ),
    ),
)

_DEPENDENCIES = Row(
    "Dependencies, as the services see them",
    (
        Panel(
            "Calls that did not succeed",
            "Calls a second that failed (error), or were not made: circuit open, or no room in the bulkhead (shed).",
            "reqps",
            (
                Query(
                    rate("app_dependency_calls_total", f'{SELECTED},result!="ok"', "job", "dependency", "result"),
                    "{{job}}: {{dependency}} {{result}}",
                ),
            ),
            alerts=("ShopDependencyFailing",),
            traces="${__field.labels.job}",
        ),
        Panel(
            "Circuits",
            "Open from the failures that opened it until a probe has succeeded; calls fail at once meanwhile.",
            "none",
            (
                Query(
                    f"max by (job, dependency) (app_circuit_breaker_open{{{SELECTED}}})",
                    "{{job}}: {{dependency}}",
                ),
            ),
            alerts=("ShopCircuitOpen",),
            traces="${__field.labels.job}",
        ),
        Panel(
            "Retries",
            "Calls a second that were repeated, and those that were not because the budget for it was spent.",
            "reqps",
            (
                Query(
                    rate("app_retries_total", SELECTED, "job", "dependency", "result"),
                    "{{job}}: {{dependency}} {{result}}",
                ),
            ),
            alerts=("ShopDependencyFailing",),
            traces="${__field.labels.job}",
        ),
    ),
)

BOARD = Board(
    "overview",
    "Stormdrill / Overview",
    "What users get, and which part withholds it. Start here.",
    job_and_instance(f"{_SERVER}_count"),
    (_OBJECTIVE, _USERS, _ROUTES, _DEPENDENCIES),
    {"frontend": "shop"},
)
