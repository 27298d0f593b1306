"""Every mechanism's switch is in docs/system.md, and every switch there exists."""

import re
from dataclasses import fields
from pathlib import Path

from compose.settings import BalancerSettings
from services.inventory.settings import InventorySettings
from services.shop.settings import ShopSettings

PAGE = Path(__file__).parents[3] / "docs/system.md"
# Settings of how the cookie is made, and of who says who answered; no mechanisms.
NO_MECHANISM = {"session_cookie_secure", "names_itself"}


def switches(settings):
    return {name for name, field in settings.model_fields.items() if field.annotation is bool}


def test_the_page_lists_every_switch_once_and_no_other():
    rows = re.findall(r"^\|[^|]*\| `SHOP_([A-Z0-9_]+)` \|", PAGE.read_text(), re.MULTILINE)
    listed = [name.lower() for name in rows]
    assert len(listed) == len(set(listed))
    assert set(listed) == (switches(ShopSettings) - NO_MECHANISM) | {field.name for field in fields(BalancerSettings)}


def test_the_shop_minds_no_switch_of_the_load_balancer():
    assert {field.name for field in fields(BalancerSettings)} - switches(ShopSettings) == ShopSettings.elsewhere


def test_every_mechanism_is_on_unless_switched_off():
    assert all(ShopSettings.model_fields[name].default for name in switches(ShopSettings) - NO_MECHANISM)
    assert all(field.default for field in fields(BalancerSettings))


def test_those_of_pools_and_calls_exist_for_inventory_too():
    assert {"pool", "async_io", "bulkhead", "deadline", "retries", "circuit_breaker"} <= switches(InventorySettings)


def test_a_cookie_is_for_https_unless_the_stack_says_that_it_has_none():
    assert ShopSettings.model_fields["session_cookie_secure"].default
