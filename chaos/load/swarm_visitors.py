"""Users who only read products, for load from all machines of a Swarm; what they see is not judged.

Each replica of the service `crowd` is a Locust of its own; see compose/containers/swarm_spec.py.
"""

import random

from locust import FastHttpUser, constant_pacing, task

from chaos.spec.mix import POPULARITY, SKUS


class Visitor(FastHttpUser):
    """Reads a product every second, popular ones more often."""

    wait_time = constant_pacing(1)

    @task
    def read_a_product(self) -> None:
        """Whatever comes of it."""
        (sku,) = random.choices(SKUS, cum_weights=POPULARITY)
        self.client.get(f"/products/{sku}", name="/products/{sku}")
