"""What the shop's answers say."""

import json


def order_id(body: bytes) -> str | None:
    """The id of the order that an acknowledgement names; None if it names none."""
    try:
        return str(json.loads(body)["id"])
    except (ValueError, KeyError, TypeError):
        return None


def cart_items(body: bytes) -> dict[str, int] | None:
    """The quantities that a cart shows, by sku; None if it is no cart."""
    try:
        return {str(item["sku"]): int(item["quantity"]) for item in json.loads(body)["items"]}
    except (ValueError, KeyError, TypeError):
        return None


def user_id(body: bytes) -> str | None:
    """Whose session it is, as the answer says; None if it says nothing."""
    try:
        return str(json.loads(body)["user_id"])
    except (ValueError, KeyError, TypeError):
        return None


def max_age(header: object) -> float | None:
    """`Max-Age` of a Set-Cookie header (RFC 6265, 5.2.2), in seconds; None where it has none."""
    for attribute in header.split(";")[1:] if isinstance(header, str) else []:
        name, _, value = attribute.partition("=")
        if name.strip().lower() == "max-age" and value.strip().isdigit():
            return float(value)
    return None
