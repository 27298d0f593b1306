"""An outage at the default sampling: each request fails, and what is kept of them must still find its way out."""

import random
import time
from urllib.parse import urlsplit

from services.shop.settings import ShopSettings
from tests.bench.closed_loop import Users
from tests.bench.traffic import KINDS, Shop
from tests.instances import own_instance
from tests.ports import free_port
from tests.waiting import until

SECONDS = 30.0
LEAST_PER_SECOND = 500
_AT_ONCE = 250
_ORDER = next(kind for kind in KINDS if kind.name == "order").make
_PROCESSED = 'otel_sdk_processor_span_processed_total{error_type="%s"}'
_EXPORTED = 'otel_sdk_exporter_span_exported_total{error_type=""}'


def report(stack) -> bool:
    """Have one worker fail as often as it can; print what became of the spans, and say whether none was lost."""
    environment = {
        "SHOP_TRACE_SAMPLE_RATIO": str(ShopSettings.model_fields["trace_sample_ratio"].default),
        "SHOP_INVENTORY_URL": f"http://127.0.0.1:{free_port()}",
    }
    with own_instance(stack, **environment) as shop:
        address = urlsplit(shop.url)
        users = Users(address.hostname or "", address.port or 0, frozenset({b"503"}))
        began, sent, chance = time.monotonic(), 0, random.Random(0)
        while (took := time.monotonic() - began) < SECONDS:
            users.send([_ORDER(chance, Shop(())) for _ in range(_AT_ONCE)])
            sent += _AT_ONCE
        users.close()
        seen = until(lambda: _all_sent(shop.metrics()))
    decided = {name: seen[f'app_traces_total{{decision="{name}"}}'] for name in ("sampled", "failed", "over_cap")}
    lost = seen[_PROCESSED % "queue_full"] + seen[_PROCESSED % ""] - seen[_EXPORTED]
    print(f"an outage of {took:.0f} s at {sent / took:.0f} requests/s, at least {LEAST_PER_SECOND}, in one worker:")
    print(*(f"  {name:12}{number:>10.0f} requests" for name, number in decided.items()), sep="\n")
    print(f"  {'sent':12}{seen[_EXPORTED]:>10.0f} spans\n  {'lost':12}{lost:>10.0f} spans, at most 0")
    print(*users.failures[:1], sep="\n")
    return not lost and not users.failures and sent / took >= LEAST_PER_SECOND


def _all_sent(metrics: dict[str, float]) -> dict[str, float]:
    # Of a batch that is on its way nothing is in the queue any more.
    over = sum(number for name, number in metrics.items() if name.startswith(_EXPORTED.partition("{")[0]))
    return metrics if not metrics["otel_sdk_processor_span_queue_size"] and over == metrics[_PROCESSED % ""] else {}
