"""Nobody can tell an agent's requests from the users': both say the same of themselves."""

import asyncio
import socket
import subprocess
import sys
import threading

import pytest

from chaos.agents.http_users import Counts, User
from chaos.agents.slow_clients import SlowClients
from compose.settings import ROOT

# In a process of its own, as Locust changes the standard library of the one that it is in.
OF_THE_SHOP = """
import sys
from chaos.load.locustfile import LoadEnvironment, ShopUser
from chaos.spec.load import LoadSettings
user = ShopUser(LoadEnvironment(sys.argv[1], LoadSettings(), None, ShopUser))
user._exchange("GET", "/", "/", None, None)
"""
OF_PATHS = """
import asyncio, sys
from chaos.load.path_user import PathUser, asking
from chaos.spec.loads import PathsLoad
common = asking(PathsLoad(paths=["/"]), sys.argv[1])
asyncio.run(PathUser(common).ask(common.requests[0]))
"""


def said(head):
    lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:] if line]
    return {name.lower(): value for name, _, value in lines if name.lower() != "host"}


@pytest.fixture
def server():
    """Answers one request on each of its connections, and keeps what it was asked."""
    heads = []

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                heads.append(connection.recv(65_536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], heads
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture(params=[OF_THE_SHOP, OF_PATHS], ids=["shop", "paths"])
def measured(request, server):
    """What a measured user said of itself."""
    port, heads = server
    subprocess.run([sys.executable, "-c", request.param, f"http://127.0.0.1:{port}"], cwd=ROOT, check=True)
    return said(heads.pop())


class Told:
    """The job of slow clients."""

    arguments = {"host": "127.0.0.1", "path": "/", "sends": "nothing"}  # noqa: RUF012  # as a job has them


def test_agents_say_what_the_measured_users_say(server, measured):
    port, heads = server
    assert asyncio.run(User("127.0.0.1", port, Counts()).get("/"))
    assert said(heads.pop()) == measured != {}
    assert said(SlowClients(Told())._beginning()) == measured


def test_one_from_an_address_says_that_as_a_proxy_would_and_nothing_else(server, measured):
    port, heads = server
    assert asyncio.run(User("127.0.0.1", port, Counts(), "203.0.113.7").get("/"))
    assert said(heads.pop()) == measured | {"x-forwarded-for": "203.0.113.7"}
