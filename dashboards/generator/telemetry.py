"""Telemetry about telemetry: whether what the other dashboards show is complete."""

from dashboards.generator.board import (
    KILL_SHOP,
    SELECTED,
    UP_OR_DOWN,
    Board,
    Kind,
    Panel,
    Query,
    Row,
    answered,
    job_and_instance,
    rate,
)

_SPANS_DROPPED = ("SpansDropped",)

_METRICS = Row(
    "Metrics",
    (
        Panel(
            "Instances that answer",
            "Instances of each job of which at least one target answered one of the last four scrapes.",
            "none",
            (Query(f"sum by (job) ({answered(SELECTED)})", "{{job}}"),),
            moves_with=(KILL_SHOP,),
            alerts=("TargetDown", "ShopInstanceDown", "InventoryInstanceDown"),
        ),
        Panel(
            "Scrapes, share of their time-out",
            "Duration of the slowest scrape of each job; at 1 it is lost, and the instance looks down.",
            "percentunit",
            (
                Query(
                    f"max by (job) (scrape_duration_seconds{{{SELECTED}}} / scrape_timeout_seconds{{{SELECTED}}})",
                    "{{job}}",
                ),
            ),
            limit=0.8,
            alerts=("ScrapeNearTimeout",),
        ),
        Panel(
            "Samples by job",
            "Samples of the latest scrape of each job; a jump is a label that took new values.",
            "none",
            (Query(f"sum by (job) (scrape_samples_scraped{{{SELECTED}}})", "{{job}}"),),
            kind=Kind.STACK,
        ),
        Panel(
            "Series in Prometheus",
            "Series in its memory.",
            "none",
            (Query(f"prometheus_tsdb_head_series{{{SELECTED}}}", "{{instance}}"),),
        ),
        Panel(
            "New series",
            "Series a second that Prometheus saw for the first time.",
            "ops",
            (Query(rate("prometheus_tsdb_head_series_created_total", SELECTED, "instance"), "{{instance}}"),),
        ),
        Panel(
            "Exporters that could not ask",
            "1 while an exporter answers and what it asks does not.",
            "none",
            (
                Query(f"max by (instance) (pg_exporter_last_scrape_error{{{SELECTED}}})", "{{instance}}"),
                Query(f"max by (instance) (redis_exporter_last_scrape_error{{{SELECTED}}})", "{{instance}}"),
            ),
            alerts=("PostgresDown", "RedisNodeDown"),
        ),
    ),
)

_TRACES = Row(
    "Traces",
    (
        Panel(
            "Spans made, and dropped for a full queue",
            "Spans a second that services made; those with `queue_full` are lost.",
            "ops",
            (
                Query(
                    rate("otel_sdk_processor_span_processed_total", SELECTED, "job", "error_type"),
                    "{{job}} {{error_type}}",
                ),
            ),
            alerts=_SPANS_DROPPED,
        ),
        Panel(
            "Spans sent",
            "Spans a second that services sent to the trace store, by what became of them.",
            "ops",
            (
                Query(
                    rate("otel_sdk_exporter_span_exported_total", SELECTED, "job", "error_type"),
                    "{{job}} {{error_type}}",
                ),
            ),
            alerts=_SPANS_DROPPED,
        ),
        Panel(
            "Span queue, share of its capacity",
            "The fullest queue of each job; at 1 spans are dropped.",
            "percentunit",
            (
                Query(
                    f"max by (job) (otel_sdk_processor_span_queue_size{{{SELECTED}}}"
                    f" / otel_sdk_processor_span_queue_capacity{{{SELECTED}}})",
                    "{{job}}",
                ),
            ),
            limit=0.8,
            alerts=_SPANS_DROPPED,
        ),
        Panel(
            "Requests by what became of their trace",
            "A second: kept because sampled, or because failed or slow; over the cap of these; or left out.",
            "reqps",
            (Query(rate("app_traces_total", SELECTED, "job", "decision"), "{{job}} {{decision}}"),),
            kind=Kind.STACK,
        ),
        Panel(
            "Spans at the trace store",
            "A second: taken in, turned away, and stored.",
            "ops",
            (
                Query(rate("otelcol_receiver_accepted_spans_total", SELECTED, "job"), "taken in"),
                Query(rate("otelcol_receiver_refused_spans_total", SELECTED, "job"), "turned away"),
                Query(rate("otelcol_exporter_sent_spans_total", SELECTED, "job"), "stored"),
            ),
            alerts=("SpansDropped", "TargetDown"),
        ),
    ),
)

_RULES = Row(
    "Rules",
    (
        Panel(
            "Rule groups, share of their interval",
            "Duration of the latest evaluation; at 1 the next one is late.",
            "percentunit",
            (
                Query(
                    f"prometheus_rule_group_last_duration_seconds{{{SELECTED}}}"
                    f" / prometheus_rule_group_interval_seconds{{{SELECTED}}}",
                    "{{rule_group}}",
                ),
            ),
            limit=1.0,
            alerts=("PrometheusRuleGroupSlow",),
        ),
        Panel(
            "Evaluations that failed or were left out",
            "A second.",
            "ops",
            (
                Query(rate("prometheus_rule_evaluation_failures_total", SELECTED, "instance"), "failed"),
                Query(rate("prometheus_rule_group_iterations_missed_total", SELECTED, "instance"), "left out"),
            ),
            alerts=("PrometheusRuleFailures", "PrometheusRuleGroupSlow"),
        ),
        Panel(
            "Watchdog fires",
            "The alert that always fires: that it arrives proves the whole path.",
            "none",
            (Query('max by (alertname) (ALERTS{alertname="Watchdog",alertstate="firing"})', "{{alertname}}"),),
            kind=Kind.STATES,
            states=UP_OR_DOWN,
            alerts=("Watchdog",),
        ),
    ),
)

BOARD = Board(
    "telemetry",
    "Stormdrill / Telemetry",
    "Whether metrics, traces and rules themselves work: what the other dashboards rest on.",
    job_and_instance("up"),
    (_METRICS, _TRACES, _RULES),
)
