"""How old an answer may be: never older than the time to live, as a rule not older than a second after a write."""

import asyncio
import json
import time
from dataclasses import dataclass, field

import pytest

from services.kit.cache.entry import Entry
from services.kit.problems import NotFound
from tests.component.storefront import PATIENT_WITH_POSTGRES, Instance, product_at, run, until

pytestmark = pytest.mark.stack

# Long beside a busy machine's delays, short beside a patient developer.
TTL, L1_TTL = 3.0, 0.3
# Who asks Redis waits for its answer: what is old is read from memory within its time, or nowhere.
TIMES = PATIENT_WITH_POSTGRES | {
    "cache_ttl": f"{TTL}s",
    "cache_l1_ttl": f"{L1_TTL}s",
    "cache_fresh_after": "5s",
}
# When a read began is noted before it looks: what is left is the step of a clock.
TOLERANCE_SECONDS = 0.1
NO_REDIS = "127.0.0.1:1"


def price(found):
    return json.loads(found.entry.body)["price_cents"]


@dataclass
class Reader:
    """An instance that is read after a write until it has what was written."""

    instance: Instance
    old: list[tuple[float, Entry]] = field(default_factory=list)
    """What was before the write and not marked as stale, and when its read began, in seconds since the epoch."""
    new: Entry | None = None

    async def read(self, sku):
        """Read it once; whether it is the new price."""
        began, found = time.time(), await self.instance.products.read(sku)
        if price(found) == 200:
            self.new = self.new or found.entry
        elif not found.stale:
            self.old.append((began, found.entry))
        return self.new

    def read_on_for_its_time_alone(self, known_at):
        """Nobody asked the source anew before four fifths of its time, nor was the old read on after all of it.

        That time is the time to live from `known_at` on at most, and shortened by a fifth at most.
        """
        return self.old and all(
            began < min(old.fresh_until, known_at + TTL)
            and 0.799 * TTL < old.fresh_until - old.read_at < 1.001 * TTL
            and self.new.read_at >= old.refresh_at
            for began, old in self.old
        )


def after_a_write(storefront, writer=None, **settings):
    """The writer and two others, read until all have the new price; when they knew the old one and the new one was
    written, in seconds since the epoch; what was invalidated.
    """

    async def main():
        sku = storefront.add(price_cents=100)
        async with (
            storefront.instances(2, **(TIMES | settings)) as readers,
            storefront.instances(1, **(TIMES | settings | (writer or {}))) as (shop,),
        ):
            everyone = [Reader(instance) for instance in (shop, *readers)]
            for one in everyone:
                await one.instance.products.read(sku)
            known_at = time.time()
            await shop.products.put(product_at(sku, 200))
            written_at = time.time()

            async def all_new():
                return all([await one.read(sku) for one in everyone])

            await until(all_new, TTL + 10)
            results = {result: shop.count("app_cache_invalidations_total", result=result) for result in ("ok", "error")}
            return everyone, (known_at, written_at), results

    return run(main())


def test_after_a_write_the_old_is_gone_at_once_where_it_was_written_and_soon_elsewhere(storefront):
    (own, *others), (_, written_at), invalidations = after_a_write(storefront)
    assert not own.old
    for other in others:
        assert all(began - written_at < L1_TTL + TOLERANCE_SECONDS for began, _ in other.old)
    assert invalidations == {"ok": 1, "error": 0}


def test_without_invalidation_the_old_is_read_on_but_never_beyond_the_time_to_live(storefront):
    everyone, (known_at, _), invalidations = after_a_write(storefront, cache_invalidation=False)
    assert all(one.read_on_for_its_time_alone(known_at) for one in everyone)
    assert invalidations == {"ok": 0, "error": 0}


def test_an_invalidation_that_fails_is_counted_and_the_time_to_live_still_holds(storefront):
    (own, *others), (known_at, _), invalidations = after_a_write(storefront, writer={"redis_nodes": NO_REDIS})
    assert not own.old
    assert all(one.read_on_for_its_time_alone(known_at) for one in others)
    assert invalidations == {"ok": 0, "error": 1}


@pytest.mark.parametrize("same_instance", [True, False])
def test_what_was_read_before_a_write_is_not_stored_after_it(storefront, same_instance):
    async def main():
        sku = storefront.add(price_cents=100)
        # The reader's own answer hangs in the network while the write goes through elsewhere.
        async with (
            storefront.instances(2, **TIMES) as (slow, other),
            storefront.instances(1, postgres_dsn=storefront.direct_dsn, **TIMES) as (third,),
        ):
            writer = slow if same_instance else third
            known = storefront.last_read_at()
            with storefront.slow(1000):
                reading = asyncio.create_task(slow.products.read(sku))
                await until(lambda: storefront.last_read_at() > known)
                if same_instance:
                    storefront.write(sku, 200)
                    await writer.products._products.invalidate(writer.products._products.key(sku))
                else:
                    await writer.products.put(product_at(sku, 200))
                before = price(await reading)
            again = slow if same_instance else other
            return before, price(await again.products.read(sku))

    assert run(main()) == (100, 200)


def expire_together(storefront, **settings):
    """Of 60 products loaded together for a minute, the largest share that expires within the same three seconds."""

    async def main():
        skus = [storefront.add() for _ in range(60)]
        async with storefront.instances(1, cache_ttl="60s", **(PATIENT_WITH_POSTGRES | settings)) as (instance,):
            found = await asyncio.gather(*(instance.products.read(sku) for sku in skus))
            return sorted(product.entry.fresh_until for product in found)

    moments = run(main())
    return max(sum(moment <= other < moment + 3 for other in moments) for moment in moments) / len(moments)


def test_products_loaded_together_do_not_expire_together(storefront):
    # A fifth of a minute is twelve seconds, so that a quarter of them is what to expect; by chance more than half of
    # 60 are so close together once in ten million times.
    assert expire_together(storefront) < 0.55


def test_without_jitter_they_do(storefront):
    assert expire_together(storefront, ttl_jitter=False) > 0.9


def reads_of_nothing(storefront, **settings):
    async def main():
        sku = f"{storefront.add()}-absent"
        async with storefront.instances(2, **settings) as instances:
            for _ in range(50):
                for instance in instances:
                    with pytest.raises(NotFound):
                        await instance.products.read(sku)
            return sum(instance.reads for instance in instances)

    return run(main())


def test_that_there_is_no_such_product_is_remembered(storefront):
    # Once, by one of the two instances.
    assert reads_of_nothing(storefront, cache_negative_ttl="1m", cache_ttl="1m") == 1


def test_without_negative_caching_each_question_reaches_postgres(storefront):
    assert reads_of_nothing(storefront, negative_cache=False) == 100


def test_a_product_that_comes_to_exist_is_seen_soon(storefront):
    async def main():
        sku = f"{storefront.add()}-new"
        async with storefront.instances(2, cache_negative_ttl="1m", cache_ttl="1m", cache_l1_ttl="300ms") as (a, b):
            for instance in (a, b):
                with pytest.raises(NotFound):
                    await instance.products.read(sku)
            created = await a.products.put(product_at(sku, 7)), await a.products.put(product_at(sku, 8))
            own = price(await a.products.read(sku))
            give_up_at = time.monotonic() + 5
            while time.monotonic() < give_up_at:
                try:
                    return created, own, price(await b.products.read(sku))
                except NotFound:
                    await asyncio.sleep(0.02)
            return None

    assert run(main()) == ((True, False), 8, 8)
