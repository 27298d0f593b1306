"""What several component tests share."""

import pytest

from tests.component.storefront import Storefront


@pytest.fixture(scope="session")
def storefront(stack):
    """The product catalogue in a database of its own, behind a proxy of its own."""
    storefront = Storefront(stack)
    storefront.open()
    yield storefront
    storefront.close()
