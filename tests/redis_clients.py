"""Clients of the stack's Redis nodes, as the attacker: who may do everything."""

import redis

from compose.config import credentials


def login(stack):
    """What a client of redis-py is told to be let in."""
    return {"username": credentials.OWNER, "password": credentials.redis_password(stack.topology.secrets)}


def client(stack, node, **options):
    """A client of one node, asked directly."""
    return redis.Redis(port=node.port, **login(stack), **options)
