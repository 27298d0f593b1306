"""What is meant to become of each alert: which receiver is told, and which other alert makes it keep silent.

One row for each alert, or one for each of its label values that matter here. `tests/rules` holds it against the files
and amtool, `tests/component/test_alertmanager.py` against a running Alertmanager.
"""

from dataclasses import dataclass, field

TOLD_ELSEWHERE = {
    "Watchdog": "deadman",
    # They say that the way to the pager is broken.
    "AlertDeliveryFailing": "fallback",
    "PrometheusNotificationsFailing": "fallback",
}


@dataclass(frozen=True, slots=True)
class Route:
    """One alert as it fires in this stack."""

    alert: str
    silenced_by: tuple[str, ...] = ()
    """Keys of the rows of which each makes it keep silent while it fires."""
    labels: dict[str, str] = field(default_factory=dict)
    """Those that routing or inhibition reads, beside the rule's own."""

    @property
    def key(self) -> str:
        """The alert, and what tells its rows apart."""
        return "/".join([self.alert, *(self.labels[name] for name in ("proxy", "dependency") if name in self.labels)])

    @property
    def receiver(self) -> str:
        """Who is told."""
        return TOLD_ELSEWHERE.get(self.alert, "pager")


_BOX = {"instance": "haproxy"}
_SHOP = {**_BOX, "proxy": "shop"}
_INVENTORY = {**_BOX, "proxy": "inventory"}
_NO_SHOP, _NO_INVENTORY = "HAProxyBackendDown/shop", "HAProxyBackendDown/inventory"
_TOTAL = ("HAProxyDown", _NO_SHOP, "PostgresDown")
_ORDERS_STUCK = ("HAProxyDown", _NO_INVENTORY, "InventoryDown", "PostgresDown")

# Rule file → what it holds.
ROUTES: dict[str, list[Route]] = {
    "alerting": [Route("Watchdog")],
    "haproxy": [
        Route("HAProxyDown", labels=_BOX),
        Route("HAProxyBackendDown", ("HAProxyDown",), _SHOP),
        Route("HAProxyBackendDown", ("HAProxyDown",), _INVENTORY),
        Route("HAProxyServerDown", ("HAProxyDown", _NO_SHOP, "ShopRedundancyLost"), _SHOP),
        Route("HAProxyServerDown", ("HAProxyDown", _NO_INVENTORY, "InventoryDown"), _INVENTORY),
        Route("HAProxyLocalErrors", ("HAProxyDown", _NO_SHOP), _SHOP),
        Route("HAProxyLocalErrors", ("HAProxyDown", _NO_INVENTORY), _INVENTORY),
        Route("HAProxyQueueing", ("HAProxyDown", _NO_SHOP), _SHOP),
        Route("HAProxyRetriesHigh", ("HAProxyDown", _NO_SHOP), _SHOP),
        Route("HAProxyServerSaturated", ("HAProxyDown", _NO_SHOP), _SHOP),
        Route("HAProxyConnectionsNearLimit", ("HAProxyDown",), _BOX),
        Route("HAProxyRequestsLimited", ("HAProxyDown",), _BOX),
    ],
    "inventory": [
        Route("InventoryInstanceDown", (_NO_INVENTORY, "InventoryDown")),
        Route("InventoryDown", (_NO_INVENTORY,)),
    ],
    "postgres": [
        Route("PostgresDown"),
        Route("PostgresConnectionsNearLimit", ("PostgresDown",)),
        Route("PostgresPoolNearLimit", ("PostgresDown",)),
        Route("PostgresPoolExhausted", ("PostgresDown",)),
        Route("PostgresPoolTimeouts", ("PostgresDown",)),
        Route("PostgresLatencyHigh", ("PostgresDown",)),
    ],
    "redis": [
        Route("RedisNodeDown", ("RedisClusterFailed",)),
        Route("RedisClusterFailed"),
        Route("RedisMasterWithoutReplica", ("RedisClusterFailed",)),
        Route("RedisReplicationBroken", ("RedisClusterFailed",)),
        # Full before and full after: no consequence of an outage.
        Route("RedisMemoryNearLimit"),
        Route("RedisLatencyHigh", ("RedisClusterFailed",)),
    ],
    "shop": [
        Route("ShopInstanceDown", (_NO_SHOP, "ShopRedundancyLost")),
        Route("ShopRedundancyLost", (_NO_SHOP,)),
        Route("ShopEventLoopBlocked"),
        Route("ShopDependencyFailing", ("PostgresDown",), {"dependency": "postgres"}),
        Route("ShopDependencyFailing", ("RedisClusterFailed",), {"dependency": "redis"}),
        Route("ShopDependencyFailing", _ORDERS_STUCK, {"dependency": "inventory"}),
        Route("ShopCircuitOpen", ("PostgresDown",), {"dependency": "postgres"}),
        Route("ShopCircuitOpen", ("RedisClusterFailed",), {"dependency": "redis"}),
        Route("ShopCircuitOpen", _ORDERS_STUCK, {"dependency": "inventory"}),
        Route("ShopServesStale", ("PostgresDown",)),
        Route("ShopOrdersAbandoned", _ORDERS_STUCK),
        Route("ShopSessionStoreFailing", ("RedisClusterFailed",)),
        Route("ShopCacheErrorsHigh", ("RedisClusterFailed",)),
        Route("ShopCacheHitRatioLow", ("PostgresDown", "RedisClusterFailed")),
    ],
    "slo": [
        Route("ShopErrorBudgetBurnFast", _TOTAL, {"proxy": "shop"}),
        Route("ShopErrorBudgetBurnSlow", (*_TOTAL, "ShopErrorBudgetBurnFast/shop"), {"proxy": "shop"}),
        Route("ShopLatencyBudgetBurnFast", _TOTAL, {"job": "shop"}),
        Route("ShopLatencyBudgetBurnSlow", (*_TOTAL, "ShopLatencyBudgetBurnFast"), {"job": "shop"}),
    ],
    "telemetry": [
        Route("TargetDown", ("PostgresDown",), {"job": "postgres"}),
        Route("ScrapeNearTimeout"),
        Route("SpansDropped"),
        Route("PrometheusRuleFailures"),
        Route("PrometheusRuleGroupSlow"),
        Route("PrometheusNotificationsFailing"),
        Route("AlertDeliveryFailing"),
    ],
}
ALL = {route.key: route for routes in ROUTES.values() for route in routes}
SILENCING = sorted({key for route in ALL.values() for key in route.silenced_by})
