"""A body is passed on whole or refused, and of a refused one no more is taken than is bounded."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.settings import InventorySettings
from services.kit.http.body import BodyTooLarge, bounded
from services.pager.settings import PagerSettings
from services.shop.settings import ShopSettings


class Client:
    """Sends its body piece by piece, as it is asked to."""

    def __init__(self, pieces):
        self.left = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        self.left.append({"type": "http.request", "body": b"", "more_body": False})
        self.sent = 0

    async def receive(self):
        message = self.left.pop(0)
        self.sent += len(message["body"])
        return message


def read(client, headers, most):
    async def whole():
        receive, body = bounded(client.receive, headers, most), b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                return body

    return asyncio.run(whole())


@given(pieces=st.lists(st.binary(max_size=20), max_size=20), most=st.integers(0, 200), announces=st.booleans())
def test_a_body_is_passed_on_if_and_only_if_it_is_not_too_long(pieces, most, announces):
    body = b"".join(pieces)
    client = Client(pieces)
    headers = {b"content-length": str(len(body)).encode()} if announces else {}
    if len(body) <= most:
        assert read(client, headers, most) == body
        return
    with pytest.raises(BodyTooLarge):
        read(client, headers, most)
    assert client.sent <= (0 if announces else most + 20)


@pytest.mark.parametrize("length", [b"9" * 5000, b"9" * 21, b"8193"])
def test_one_that_is_announced_is_refused_before_anything_is_taken(length):
    client = Client([b"x"])
    with pytest.raises(BodyTooLarge):
        read(client, {b"content-length": length}, 8192)
    assert client.sent == 0


@pytest.mark.parametrize("settings", [ShopSettings, InventorySettings, PagerSettings])
def test_every_service_has_a_bound(settings):
    assert 0 < settings.model_fields["body_bytes"].default <= 1_000_000
