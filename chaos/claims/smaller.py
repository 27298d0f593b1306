"""Claim 7: pages of products, whole and compressed, in all fields and in one, and the whole list at once."""

from urllib.parse import urlsplit

from chaos.claims.bench import Bench
from chaos.claims.stack import Instance
from chaos.load.open_loop.job import Asked, Job
from chaos.machine import cpu_time

_GZIP = {"Accept-Encoding": "gzip"}
_UNCACHED = {
    # What a cache keeps is sent as it is, and costs as much however long it is: each answer is to be made.
    "SHOP_L1_CACHE": "off",
    "SHOP_L2_CACHE": "off",
    "SHOP_SINGLE_FLIGHT": "off",
    "SHOP_CACHE_WARMING": "off",
}


def measure(bench: Bench) -> None:
    """Two workers, one of which pages; each variant is asked for in every round."""
    stack = bench.stack()
    gzip = {"SHOP_GZIP": "off"} if bench.deviates("no-gzip") else {}
    no_pages = {"SHOP_PAGINATION": "off"}
    pages = no_pages if bench.deviates("no-pages") else {}
    fields = "" if bench.deviates("no-fields") else "&fields=sku"
    with (
        stack.instance("shop", 1, _UNCACHED | gzip | pages) as paged,
        stack.instance("shop", 1, _UNCACHED | gzip | no_pages) as whole,
    ):
        variants: dict[str, tuple[Instance, Asked]] = {
            "100 products": (paged, Asked("/products?limit=100")),
            "100, gzip": (paged, Asked("/products?limit=100", headers=_GZIP)),
            "100, one field": (paged, Asked(f"/products?limit=100{fields}")),
            "20 products": (paged, Asked("/products?limit=20")),
            "all": (whole, Asked("/products?limit=20")),
        }
        for number in range(int(bench.number("rounds")) + 1):
            for name, (instance, asked) in variants.items():
                # The first round fills caches and opens connections.
                _ask(bench, instance, asked, {"variant": name, "round": str(number) if number else "warm-up"})


def _ask(bench: Bench, instance: Instance, asked: Asked, labels: dict[str, str]) -> None:
    address = urlsplit(instance.url)
    job = Job(host=address.hostname or "", port=address.port or 0, requests=[asked], connections=8)
    before = cpu_time.seconds(instance.pids)
    bench.load(job, "each", **labels)
    bench.reading("cpu", cpu_time.seconds(instance.pids) - before, "s", **labels)
