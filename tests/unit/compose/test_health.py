"""Who waits for a server asks it again; no question is asked four times over."""

import socket
import threading

from compose import health
from compose.config import credentials
from compose.settings import StackSettings
from compose.topology import build


def test_a_redis_node_that_is_not_there_yet_is_asked_once_a_look(tmp_path, monkeypatch):
    topology = build(StackSettings(18000, tmp_path, tmp_path, workers=1))
    credentials.make(topology.secrets)
    credentials.make_redis(topology.secrets, ())
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(type(topology), "proxy", lambda *_: type("Proxy", (), {"listen": server.getsockname()[1]}))
        asked = []

        def refuse():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                asked.append(1)
                connection.close()

        threading.Thread(target=refuse, daemon=True).start()
        node = topology.of_role("redis")[0]
        probe = health.Probe("redis", lambda: health._redis_node(topology, node))
        assert probe.failure() is not None
        assert asked == [1]
        server.shutdown(socket.SHUT_RDWR)
