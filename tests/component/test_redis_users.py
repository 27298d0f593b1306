"""Redis lets in who has a password, and each to do its work and no more."""

import pytest
import redis

from compose.config import credentials
from tests import redis_clients

pytestmark = pytest.mark.stack


@pytest.fixture(params=["shop", credentials.EXPORTER])
def user(request):
    return request.param


def connect(stack, user):
    node = stack.topology.of_role("redis")[0]
    return redis.Redis(
        port=node.port, username=user, password=credentials.redis_password(stack.topology.secrets, user), protocol=2
    )


def test_who_has_no_password_is_told_nothing(stack):
    for node in stack.topology.of_role("redis"):
        for told in ({}, {"password": "guessed"}, {"username": "stormdrill", "password": "guessed"}):
            with redis.Redis(port=node.port, **told) as client, pytest.raises(redis.AuthenticationError):
                client.ping()


@pytest.mark.parametrize(
    "command",
    [
        *("CONFIG GET *", "CONFIG SET maxmemory 1", "FLUSHALL", "KEYS *", "SHUTDOWN NOSAVE", "ACL LIST"),
        *("REPLICAOF NO ONE", "CLUSTER RESET", "CLUSTER FAILOVER", "MONITOR", "PSYNC ? -1", "DEBUG SLEEP 0"),
        *("CLIENT KILL TYPE normal", "CLIENT PAUSE 1", "CLIENT UNPAUSE", "CLIENT LIST"),
    ],
)
def test_nobodys_work_is_to_run_the_server(stack, user, command):
    with connect(stack, user) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command.split())


def test_the_exporter_reads_no_key(stack):
    with connect(stack, credentials.EXPORTER) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.get("cache:x")


def test_nodes_copy_by_a_user_who_can_do_nothing_else(stack):
    with connect(stack, "replica") as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.get("x")
    roles = []
    for node in stack.topology.of_role("redis"):
        with redis_clients.client(stack, node, decode_responses=True) as client:
            told = client.info("replication")
            roles.append((told["role"], told.get("master_link_status", "up")))
    assert sorted(roles) == [("master", "up")] * 3 + [("slave", "up")] * 3
