"""The shop's public calls."""

from fastapi import APIRouter

from services.shop import cart_routes, order_routes, product_routes, session_routes

router = APIRouter()
for part in (product_routes, session_routes, cart_routes, order_routes):
    router.include_router(part.router)
