"""What a product is, how pages of them look, and what a client may leave out or have added."""

import binascii
from collections.abc import Collection, Mapping

import msgspec

FIELDS = ("sku", "name", "price_cents")


class Product(msgspec.Struct, frozen=True):
    """A product as it is sold."""

    sku: str
    name: str
    price_cents: int


class Page(msgspec.Struct, frozen=True):
    """Products in the order of their sku, and the cursor of the next page if there is one."""

    products: list[Product]
    next: str | None


_encoder = msgspec.json.Encoder()
_page_decoder = msgspec.json.Decoder(Page)


def encode(value: Product | Page) -> bytes:
    """Write it as clients read it."""
    return _encoder.encode(value)


def cursor_after(sku: str) -> str:
    """Return the cursor of what comes after a product."""
    return binascii.hexlify(sku.encode()).decode()


def sku_of(cursor: str) -> str:
    """Return the sku that the cursor's products come after; of an empty cursor, one before all."""
    return binascii.unhexlify(cursor).decode()


def skus_of(page: bytes) -> list[str]:
    """Return the skus of an encoded page."""
    return [product.sku for product in _page_decoder.decode(page).products]


def select(page: bytes, fields: Collection[str]) -> bytes:
    """Return the page with these fields only (all if none is named; sku always)."""
    whole = _page_decoder.decode(page)
    return _encoder.encode({"products": _chosen(whole, fields), "next": whole.next})


def with_stock(page: bytes, fields: Collection[str], stock: Mapping[str, int] | None) -> bytes:
    """Return the page as ``select`` does, with the stock of each product.

    None is for not known: then it is null in each product, and the page says what it lacks.
    """
    whole = _page_decoder.decode(page)
    products = _chosen(whole, fields)
    for shown in products:
        # What inventory does not know it cannot have.
        shown["stock"] = None if stock is None else stock.get(str(shown["sku"]), 0)
    varied: dict[str, object] = {"products": products, "next": whole.next}
    if stock is None:
        varied["unavailable"] = ["stock"]
    return _encoder.encode(varied)


def _chosen(page: Page, fields: Collection[str]) -> list[dict[str, str | int | None]]:
    chosen = [name for name in FIELDS if name == "sku" or not fields or name in fields]
    return [{name: getattr(product, name) for name in chosen} for product in page.products]
