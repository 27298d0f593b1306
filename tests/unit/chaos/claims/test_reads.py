"""What the claims about rates ask for: by Zipf's law, past HAProxy's cache as often as is said, told apart by layer."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.claims.reads import alike, job, popular
from chaos.judge.claims.layers import Layer, layer
from chaos.load.open_loop.connection import Answer, Pending
from chaos.load.open_loop.tally import Tally
from chaos.spec.claims.profile import Stage
from chaos.spec.mix import POPULARITY, SKUS
from chaos.spec.values import Duration

URL = "http://127.0.0.1:18000"


@given(st.integers(1, 1000), st.floats(0, 1))
def test_products_are_as_popular_as_in_drills_and_the_share_past_the_cache_is_the_one_asked_for(products, past_cache):
    asked = popular(products, past_cache)
    by_path = {}
    for one in asked:
        by_path[one.path] = by_path.get(one.path, 0) + one.weight
    assert list(by_path) == [f"/products/{sku}" for sku in SKUS[:products]]
    assert sum(by_path.values()) == pytest.approx(POPULARITY[products - 1])
    assert by_path["/products/sku-0001"] == pytest.approx(POPULARITY[0])
    past = sum(one.weight for one in asked if one.headers == {"Cache-Control": "no-cache"})
    assert past / sum(by_path.values()) == pytest.approx(past_cache, abs=1e-9)


def test_all_alike_ask_for_each_product_once():
    for past_cache in (False, True):
        asked = alike(3, past_cache=past_cache)
        assert [one.path for one in asked] == ["/products/sku-0001", "/products/sku-0002", "/products/sku-0003"]
        assert all(bool(one.headers) == past_cache for one in asked)


def test_answers_of_its_loads_are_told_apart_by_both_headers():
    told = job(URL, 4, alike(1, past_cache=False))
    tally = Tally(with_a_stage(told), 0, began=0.0)
    heads = {
        b"HTTP/1.1 200 OK\r\nX-Served-By: cache\r\nCache-Status: shop; fwd=miss\r\n": Layer.HTTP,
        b"HTTP/1.1 200 OK\r\nCache-Status: shop; fwd=miss\r\nX-Served-By: shop-1\r\n": Layer.POSTGRES,
        b"HTTP/1.1 200 OK\r\nX-Served-By: shop-1\r\n": Layer.OTHER,
    }
    for head in heads:
        tally.answered(Pending(0, 0.0, b""), Answer(200, head.lower(), len(head), 0), 0.01)
    assert sorted(layer(tag) for tag in tally.fact(0.0, 4).by_tag) == sorted(heads.values())


def with_a_stage(told):
    return msgspec.structs.replace(told, profile=[Stage(rate=1.0, for_=Duration(seconds=1))])
