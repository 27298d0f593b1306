"""Alerting itself: what fires, which fault is live, and whether evaluation and delivery work."""

from dashboards.generator.board import (
    KILL_SHOP,
    SELECTED,
    UP_OR_DOWN,
    Board,
    Kind,
    Panel,
    Query,
    Row,
    State,
    job_and_instance,
    quantile,
    rate,
)

_MANAGER = "alertmanager"
_FIRING = (State(1, "fires", "red"),)

_NOW = Row(
    "Alerts and faults",
    (
        Panel(
            "Firing",
            "Alerts that fire; a band begins when the condition has held for its hold time. Watchdog is always there.",
            "none",
            (Query('max by (alertname) (ALERTS{alertstate="firing"})', "{{alertname}}"),),
            kind=Kind.STATES,
            width=12,
            states=_FIRING,
            moves_with=(KILL_SHOP,),
        ),
        Panel(
            "Pending or firing",
            "How many of each; a band begins when the condition becomes true. What pends briefly and never fires is"
            " noise that a hold time kept away.",
            "none",
            (Query("count by (alertname, alertstate) (ALERTS)", "{{alertname}} {{alertstate}}"),),
            width=12,
        ),
        Panel(
            "Live faults",
            "Faults that the drill has put in place and not undone yet, as its watchdog knows from their undo records."
            " Each is drawn into every dashboard as a violet band.",
            "none",
            (Query("chaos_faults_active", "live faults"),),
        ),
        Panel(
            "Watchdog fires",
            "The alert that always fires; whoever waits for it at the other end knows that alerts can reach him.",
            "none",
            (Query('max by (alertname) (ALERTS{alertname="Watchdog",alertstate="firing"})', "{{alertname}}"),),
            kind=Kind.STATES,
            width=8,
            states=UP_OR_DOWN,
            alerts=("Watchdog",),
        ),
        Panel(
            "Alerting is up",
            "Whether Prometheus and Alertmanager answer.",
            "none",
            (Query(f"max by (job, instance) (up{{{SELECTED}}})", "{{job}} {{instance}}"),),
            kind=Kind.STATES,
            width=8,
            states=UP_OR_DOWN,
            alerts=("TargetDown",),
        ),
        Panel(
            "Alerts at Alertmanager",
            "Alerts that it knows, by state; suppressed ones are silenced or inhibited by another.",
            "none",
            (Query(f"sum by (state) ({_MANAGER}_alerts{{{SELECTED}}})", "{{state}}"),),
        ),
    ),
)

_EVALUATION = Row(
    "Detection: Prometheus evaluates",
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
            "Evaluations that failed",
            "Rules a second that could not be evaluated: these cannot fire.",
            "ops",
            (Query(rate("prometheus_rule_evaluation_failures_total", SELECTED, "rule_group"), "{{rule_group}}"),),
            alerts=("PrometheusRuleFailures",),
        ),
        Panel(
            "Evaluations that were left out",
            "Evaluations a second that did not take place, because the one before still ran.",
            "ops",
            (Query(rate("prometheus_rule_group_iterations_missed_total", SELECTED, "rule_group"), "{{rule_group}}"),),
            alerts=("PrometheusRuleGroupSlow",),
        ),
    ),
)

_DELIVERY = Row(
    "Delivery: Prometheus to Alertmanager to receivers",
    (
        Panel(
            "Sent to Alertmanager",
            "Alerts a second that Prometheus sent, that failed to be sent, and that were dropped.",
            "ops",
            (
                Query(rate("prometheus_notifications_sent_total", SELECTED, "instance"), "sent"),
                Query(rate("prometheus_notifications_errors_total", SELECTED, "instance"), "failed"),
                Query(rate("prometheus_notifications_dropped_total", SELECTED, "instance"), "dropped"),
            ),
            alerts=("PrometheusNotificationsFailing",),
        ),
        Panel(
            "Prometheus's queue, share of its capacity",
            "Alerts that wait to be sent; at 1 the oldest are dropped.",
            "percentunit",
            (
                Query(
                    # Prometheus 3 has a queue for each Alertmanager.
                    f"max by (instance) (prometheus_notifications_queue_length{{{SELECTED}}})"
                    f" / max by (instance) (prometheus_notifications_queue_capacity{{{SELECTED}}})",
                    "{{instance}}",
                ),
            ),
            limit=0.8,
            alerts=("PrometheusNotificationsFailing",),
        ),
        Panel(
            "Notifications",
            "Messages a second that Alertmanager sent to receivers, by integration.",
            "ops",
            (Query(rate(f"{_MANAGER}_notifications_total", SELECTED, "integration"), "{{integration}}"),),
            alerts=("AlertDeliveryFailing",),
        ),
        Panel(
            "Notifications that failed",
            "Messages a second that a receiver did not take; they are tried again.",
            "ops",
            (Query(rate(f"{_MANAGER}_notifications_failed_total", SELECTED, "integration"), "{{integration}}"),),
            alerts=("AlertDeliveryFailing",),
        ),
        Panel(
            "Notification latency, p95",
            "Time for one message to a receiver. An integration that sends nothing has none.",
            "s",
            (
                Query(
                    quantile(0.95, f"{_MANAGER}_notification_latency_seconds", SELECTED, "integration"),
                    "{{integration}}",
                ),
            ),
            alerts=("AlertDeliveryFailing",),
        ),
        Panel(
            "Accepted by the pager",
            "Deliveries a second at the pager, by its answer.",
            "reqps",
            (
                Query(
                    'sum by (http_response_status_code) (rate(http_server_request_duration_seconds_count{job="pager",'
                    'http_request_method="POST"}[$__rate_interval]))',
                    "{{http_response_status_code}}",
                ),
            ),
            alerts=("AlertDeliveryFailing",),
        ),
    ),
)

BOARD = Board(
    "alerts",
    "Stormdrill / Alerts",
    "What fires, and whether detection and delivery of alerts work.",
    job_and_instance('{__name__=~"prometheus_notifications_queue_capacity|alertmanager_build_info"}'),
    (_NOW, _EVALUATION, _DELIVERY),
)
