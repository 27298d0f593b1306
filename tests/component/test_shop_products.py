"""Products over HTTP: pages, fields, stock, ETags, compression, who may keep them, and the back office."""

import gzip
import json
import secrets

import httpx
import pytest

from tests.component.shop_calls import patient
from tests.instances import own_instance
from tests.waiting import until

pytestmark = pytest.mark.stack

# The stack's products at rest; tests of the back office make some of their own.
SEEDED = [f"sku-{number:04d}" for number in range(1, 1001)]
PRODUCT = {"sku": "sku-0001", "name": "Product 1", "price_cents": 107}


@pytest.fixture(scope="module")
def plain_url(stack):
    """An instance without any of what spares bytes, and without an inventory."""
    off = dict.fromkeys(("SHOP_HTTP_CACHE", "SHOP_ETAG", "SHOP_GZIP", "SHOP_PAGINATION"), "off")
    with own_instance(stack, SHOP_INVENTORY_URL="http://127.0.0.1:1", **off) as instance:
        yield instance.url


@pytest.fixture
def shop(stack):
    with patient(stack.url("shop"), headers={"accept-encoding": "identity"}) as client:
        yield client


@pytest.fixture
def plain(plain_url):
    with patient(plain_url) as client:
        yield client


@pytest.fixture
def instance(stack):
    """One instance, without the load balancer's cache: that gives what is not compressed to everybody."""
    with patient(stack.instance_url("shop-1")) as client:
        yield client


@pytest.fixture
def backoffice(instance):
    """The back office's way in: an instance's own port."""
    return instance


def kind(response):
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["type"].removeprefix("urn:stormdrill:problem:")


def pages(client, **query):
    """All pages, one after the other."""
    cursor = {}
    while True:
        page = client.get("/products", params=query | cursor).json()
        yield page["products"]
        if page["next"] is None:
            return
        cursor = {"cursor": page["next"]}


def bytes_on_the_wire(client, path, **headers):
    with client.stream("GET", path, headers=headers) as response:
        return sum(len(chunk) for chunk in response.iter_raw()), response.headers


def test_all_pages_together_are_all_products_once_and_in_order(shop):
    walked = list(pages(shop, limit=100))
    skus = [product["sku"] for page in walked for product in page]
    assert skus == sorted(set(skus))
    assert set(SEEDED) <= set(skus)
    assert {len(page) for page in walked[:-1]} == {100}


def test_a_page_has_twenty_products_unless_told(shop):
    assert len(shop.get("/products").json()["products"]) == 20
    assert shop.get("/products", params={"limit": 1}).json()["products"] == [PRODUCT]


def test_the_last_page_has_no_next(shop):
    assert shop.get("/products", params={"cursor": b"zzzz".hex()}).json() == {"products": [], "next": None}


def test_only_the_fields_asked_for_are_sent(shop):
    page = shop.get("/products", params={"limit": 1, "fields": "price_cents"}).json()
    assert page["products"] == [{"sku": "sku-0001", "price_cents": 107}]


def test_stock_is_sent_if_asked_for_and_kept_by_nobody(shop):
    def page():
        # Inventory has half a second to say it; a page without it says so.
        response = shop.get("/products", params={"limit": 100, "fields": "sku", "include": "stock"})
        return None if response.json().get("unavailable") else response

    response = until(page)
    products = response.json()["products"]
    assert all(product["stock"] > 900_000_000 for product in products)
    assert set(products[0]) == {"sku", "stock"}
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers


def test_without_inventory_a_page_says_that_stock_is_not_known(plain):
    response = plain.get("/products", params={"include": "stock"})
    assert response.status_code == 200
    assert response.json()["unavailable"] == ["stock"]
    assert {product["stock"] for product in response.json()["products"]} == {None}


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=101", "limit=many", "limit=", "limit=1&limit=2&limit=x"),
        *("cursor=zz", "cursor=736", "cursor=00", "cursor=41", "cursor="),
        *("fields=", "fields=colour", "fields=name,", "fields=name,name,name,name"),
        *("include=reviews", "include=", "colour=red"),
    ],
)
def test_a_bad_query_is_refused(shop, query):
    assert kind(shop.get(f"/products?{query}")) == (422, "invalid-request")


def test_a_client_that_has_the_product_is_sent_nothing(shop):
    first = shop.get("/products/sku-0007")
    again = shop.get("/products/sku-0007", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = shop.get("/products/sku-0008", headers={"if-none-match": first.headers["etag"]})
    assert other.status_code == 200


@pytest.mark.parametrize("path", ["/products?limit=100", "/products?limit=100&fields=name"])
def test_a_client_that_has_the_page_is_sent_nothing(shop, path):
    etag = shop.get(path).headers["etag"]
    sent, _ = bytes_on_the_wire(shop, path, **{"if-none-match": etag})
    assert sent == 0


def test_without_etags_it_is_sent_all_of_it_again(shop, plain):
    etag = shop.get("/products/sku-0007").headers["etag"]
    again = plain.get("/products/sku-0007", headers={"if-none-match": etag})
    assert (again.status_code, "etag" in again.headers) == (200, False)
    assert again.content


def test_pages_are_compressed_for_who_can_read_it(instance):
    whole, headers = bytes_on_the_wire(instance, "/products?limit=100", **{"accept-encoding": "identity"})
    small, small_headers = bytes_on_the_wire(instance, "/products?limit=100", **{"accept-encoding": "gzip"})
    assert small < whole / 4
    assert small_headers["content-encoding"] == "gzip"
    assert "content-encoding" not in headers
    assert headers["vary"] == small_headers["vary"] == "accept-encoding"
    assert headers["etag"] == small_headers["etag"]


def test_compressed_and_not_are_the_same(instance):
    with instance.stream("GET", "/products?limit=50", headers={"accept-encoding": "gzip"}) as response:
        body = b"".join(response.iter_raw())
    plain = instance.get("/products?limit=50", headers={"accept-encoding": "identity"})
    assert json.loads(gzip.decompress(body)) == plain.json()


def test_what_is_small_is_not_compressed(shop):
    _, headers = bytes_on_the_wire(shop, "/products/sku-0001", **{"accept-encoding": "gzip"})
    assert not {"content-encoding", "vary"} & set(headers)


def test_without_pagination_and_compression_a_page_is_everything(instance, plain):
    page, _ = bytes_on_the_wire(instance, "/products?limit=20", **{"accept-encoding": "gzip"})
    everything, headers = bytes_on_the_wire(plain, "/products?limit=20", **{"accept-encoding": "gzip"})
    assert everything > 100 * page
    assert "content-encoding" not in headers
    body = plain.get("/products", params={"limit": 20}).json()
    assert set(SEEDED) <= {product["sku"] for product in body["products"]}
    assert body["next"] is None


def test_a_second_is_the_longest_that_a_product_may_be_kept(shop):
    told = {shop.get(f"/products/{sku}").headers["cache-control"] for sku in SEEDED[:20] * 3}
    assert told <= {"public, max-age=1, must-revalidate", "no-cache"}
    assert "public, max-age=1, must-revalidate" in told


def test_switched_off_it_may_not_be_kept_at_all(plain):
    assert {plain.get(path).headers["cache-control"] for path in ("/products/sku-0001", "/products")} == {"no-store"}


def test_an_answer_says_which_layer_gave_it(stack):
    first, second = (httpx.Client(base_url=stack.instance_url(name)) for name in ("shop-1", "shop-2"))
    with first, second:

        def told_of(sku):
            return [client.get(f"/products/{sku}").headers["cache-status"] for client in (first, first, second)]

        # What shop-2 was asked for just before, by another test, is in its own memory already; what it was told too
        # late, by a Redis that has a tenth of a second, it reads elsewhere.
        tried = [told_of(SEEDED[secrets.randbelow(900)])]
        until(lambda: is_told_by_layers(tried[-1]) or tried.append(told_of(SEEDED[secrets.randbelow(900)])))
    assert tried[-1][0].startswith(("shop; fwd=miss", "shop; hit")), tried


def is_told_by_layers(told):
    """Of the same instance twice, and of another."""
    return "detail=l1" in told[1] and "detail=l2" in told[2]


@pytest.fixture
def sku(backoffice):
    return f"t-{secrets.token_hex(8)}"


def put(client, sku, **body):
    return client.put(f"/backoffice/products/{sku}", json={"name": "Test", "price_cents": 100} | body)


def test_the_back_office_creates_and_changes_products(stack, backoffice, sku):
    assert backoffice.get(f"/products/{sku}").status_code == 404
    created, changed = put(backoffice, sku), put(backoffice, sku, price_cents=200)
    assert (created.status_code, changed.status_code) == (201, 200)
    assert changed.json() == {"sku": sku, "name": "Test", "price_cents": 200}
    assert backoffice.get(f"/products/{sku}").json() == changed.json()
    # Written without a cache in between, seen by the others within a second or so.
    until(lambda: httpx.get(f"{stack.instance_url('shop-2')}/products/{sku}").status_code == 200)


@pytest.mark.parametrize(
    "body",
    [
        {"price_cents": -1},
        {"price_cents": 2**31},
        {"price_cents": "1"},
        {"price_cents": 1.5},
        {"price_cents": True},
        {"name": ""},
        {"name": "x" * 201},
        {"name": "a\0b"},
        {"name": None},
        {"colour": "red"},
    ],
)
def test_the_back_office_refuses_what_is_no_product(backoffice, sku, body):
    assert kind(put(backoffice, sku, **body)) == (422, "invalid-request")
    assert backoffice.get(f"/products/{sku}").status_code == 404


def test_a_name_that_is_no_text_is_refused(backoffice, sku):
    body = b'{"name": "\\ud800", "price_cents": 1}'
    headers = {"content-type": "application/json"}
    assert backoffice.put(f"/backoffice/products/{sku}", content=body, headers=headers).status_code == 422


def test_the_back_office_is_not_in_the_public_description(shop):
    described = shop.get("/openapi.json").json()["paths"]
    assert {"/products", "/products/{sku}"} <= set(described)
    assert not [path for path in described if path.startswith("/backoffice")]


def test_without_postgres_a_known_product_is_marked_as_stale(stack, storefront):
    dsn = storefront.settings().postgres_dsn
    sku = storefront.add(price_cents=100)
    with own_instance(stack, SHOP_POSTGRES_DSN=dsn, SHOP_CACHE_TTL="1s") as own:
        until(lambda: httpx.get(f"{own.url}/products/{sku}").status_code == 200)
        with storefront.down():

            def stale():
                shown = httpx.get(f"{own.url}/products/{sku}")
                assert shown.status_code == 200
                return shown if "; ttl=-" in shown.headers["cache-status"] else None

            shown = until(stale)
            unknown = httpx.get(f"{own.url}/products/{storefront.add()}")
    assert shown.json()["price_cents"] == 100
    assert shown.headers["cache-control"] == "no-store"
    assert int(shown.headers["age"]) >= 1
    assert "etag" not in shown.headers
    assert unknown.status_code == 503
    assert unknown.headers["retry-after"]


def test_inventory_says_the_stock_of_many_at_once(stack):
    with httpx.Client(base_url=stack.url("inventory")) as inventory:
        answer = inventory.get("/stock", params={"sku": ["sku-0002", "sku-0000", "nothing", "sku-0002"]}).json()
        assert [level["sku"] for level in answer["stock"]] == ["sku-0000", "sku-0002"]
        assert answer["stock"][0]["available"] == 0
        longest = ["x" * 64] * 50
        assert inventory.get("/stock", params={"sku": longest}).json() == {"stock": []}
        assert kind(inventory.get("/stock", params={"sku": ["a"] * 51})) == (422, "invalid-request")
        assert kind(inventory.get("/stock")) == (422, "invalid-request")
        assert kind(inventory.get("/stock?sku=A")) == (422, "invalid-request")
