"""No service takes a body that is longer than any of its own, also where no load balancer is before it."""

import pytest

from tests.component import bodies

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("how", ["announced", "in pieces"])
@pytest.mark.parametrize(("instance", "path"), [("shop-1", "/orders"), ("inventory-1", "/reservations")])
def test_an_instance_asked_directly_refuses_a_long_body(stack, instance, path, how):
    assert bodies.answer_to_one_too_long(stack.instance_url(instance), path, 8192, how) == 413
