"""The calls with which customers look at products."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from services.kit.http import caching
from services.kit.http.caching import HttpCache
from services.kit.http.fields import Sku
from services.kit.problems import responses
from services.shop import product
from services.shop.products import Products
from services.shop.stock import Stock

router = APIRouter()

_FIELD = "(sku|name|price_cents)"
# The hexadecimal digits of a sku: opaque, and yet all that fit the pattern are valid.
Cursor = Annotated[str, Field(pattern="^(2d|3[0-9]|6[1-9a-f]|7[0-9a]){1,64}$", examples=["736b752d30303230"])]


class ProductBody(BaseModel):
    """A product as clients see it."""

    sku: Sku
    name: str
    price_cents: int


class ProductItem(BaseModel):
    """A product in a page, with the fields that were asked for."""

    sku: Sku
    name: str = Field(default_factory=str)
    price_cents: int = Field(default_factory=int)
    stock: int | None = Field(default_factory=int, description="With `include=stock`; null if it is not known now.")


class ProductsBody(BaseModel):
    """A page of products."""

    products: list[ProductItem]
    next: Cursor | None = Field(description="The cursor of the next page, null on the last.")
    unavailable: list[Literal["stock"]] = Field(
        default_factory=list, description="What was asked for and is not known now."
    )


class PageQuery(BaseModel):
    """Which products, and what of them."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=100)
    cursor: Cursor = Field(default_factory=str, description="`next` of the page before.")
    fields: Annotated[str, Field(pattern=f"^{_FIELD}(,{_FIELD}){{0,2}}$", examples=["name,price_cents"])] = Field(
        default_factory=str, description="Separated by commas; `sku` is always there."
    )
    include: Annotated[str, Field(pattern="^stock$", examples=["stock"])] = Field(
        default_factory=str, description="What is loaded only when asked for."
    )


async def _products(request: Request) -> Products:
    products: Products = request.app.state.products
    return products


async def _stock(request: Request) -> Stock:
    stock: Stock = request.app.state.stock
    return stock


async def _http_cache(request: Request) -> HttpCache:
    policy: HttpCache = request.app.state.http_cache
    return policy


class HeldRoute(APIRoute):
    """A route whose answer may be in this process's memory: then nothing is parsed and nothing waits.

    FastAPI's own handling of the parameters would take as long as everything else together.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler that looks into memory before FastAPI's."""
        handle = super().get_route_handler()

        async def look_first(request: Request) -> Response:
            state = request.app.state
            # What is held has been asked for with a valid sku, so this one is valid too.
            found = state.products.held(request.path_params["sku"])
            if found is None:
                return await handle(request)
            response: Response = state.http_cache.answer(request, found)
            return response

        return look_first


TheProducts = Annotated[Products, Depends(_products)]
TheStock = Annotated[Stock, Depends(_stock)]
TheHttpCache = Annotated[HttpCache, Depends(_http_cache)]


@router.get(
    "/products",
    response_model=ProductsBody,
    responses=caching.documented("A page of products.") | responses(422, 503),
    openapi_extra=caching.CONDITIONAL,
)
async def read_products(
    query: Annotated[PageQuery, Query()],
    request: Request,
    products: TheProducts,
    stock: TheStock,
    policy: TheHttpCache,
) -> Response:
    """Show a page of products, as old as the cache allows; stock, if asked for, as it is now."""
    found = await products.page(product.sku_of(query.cursor), query.limit)
    fields = frozenset(query.fields.split(",")) if query.fields else frozenset()
    if not query.include:
        if not fields:
            return policy.answer(request, found)
        return policy.answer_with(request, found, product.select(found.entry.body, fields))
    levels = await stock.available(product.skus_of(found.entry.body))
    return policy.answer_once(request, product.with_stock(found.entry.body, fields, levels))


async def read_product(sku: Sku, request: Request, products: TheProducts, policy: TheHttpCache) -> Response:
    """Show a product, as old as the cache allows."""
    return policy.answer(request, await products.read(sku))


router.add_api_route(
    "/products/{sku}",
    read_product,
    response_model=ProductBody,
    responses=caching.documented("The product.") | responses(404, 422, 503),
    openapi_extra=caching.CONDITIONAL,
    route_class_override=HeldRoute,
)
