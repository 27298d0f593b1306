"""The shop's calls."""

from fastapi import APIRouter

from services.shop import backoffice_routes, cart_routes, order_routes, product_routes, session_routes

router = APIRouter()
# Their routes themselves, not the routers: an included router's routes are looked up twice.
for _part in (product_routes, session_routes, cart_routes, order_routes, backoffice_routes):
    router.routes.extend(_part.router.routes)
