"""Only images that are missing are pulled, with a word about each, and a failure says what to do next."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import docker
import pytest

from compose.containers import image_pull
from compose.stack import StackError

PINNED = f"postgres:17@sha256:{'0' * 64}"


class Handler(BaseHTTPRequestHandler):
    """The engine, of which this asks only whether it has an image."""

    def do_GET(self):
        name = unquote(urlsplit(self.path).path).partition("/images/")[2].removesuffix("/json")
        text = json.dumps({"Id": "sha256:0", "message": f"No such image: {name}"}).encode()
        self.send_response(200 if name in self.server.there else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@pytest.fixture
def there(monkeypatch):
    """The images that the engine has."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.there = set()
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        client = docker.DockerClient(base_url=f"tcp://127.0.0.1:{server.server_port}", version="1.41", timeout=5)
        monkeypatch.setattr(image_pull.engine, "connect", lambda: client)
        yield server.there
        client.close()
        server.shutdown()


@pytest.fixture
def command(monkeypatch, tmp_path):
    """Puts a `docker` on PATH that does this, and gives what it was asked."""

    def put(script):
        (tmp_path / "docker").write_text(f'#!/bin/sh\necho "$*" >>"{tmp_path}/asked"\n{script}\n')
        (tmp_path / "docker").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return tmp_path / "asked"

    return put


def test_where_all_are_there_nobody_is_asked(there, command):
    there.update({"redis:8.0", PINNED})
    said, asked = [], command("exit 1")
    image_pull.missing(there, said.append)
    assert (said, asked.exists()) == ([], False)


def test_each_that_is_missing_is_pulled_once_with_a_word_about_it(there, command):
    there.add("redis:8.0")
    said, asked = [], command("exit 0")
    image_pull.missing(["redis:8.0", "haproxy:3.0", PINNED, "haproxy:3.0"], said.append)
    assert asked.read_text().splitlines() == ["pull --quiet haproxy:3.0", f"pull --quiet {PINNED}"]
    assert said == ["pulling the image haproxy:3.0 (1 of 2)", f"pulling the image {PINNED} (2 of 2)"]


@pytest.mark.parametrize(
    ("script", "why"),
    [("echo 'toomanyrequests: rate limit' >&2; exit 1", "toomanyrequests: rate limit"), ("exec sleep 20", "not there")],
)
def test_what_cannot_be_pulled_ends_in_time_with_what_to_do(there, command, monkeypatch, script, why):
    command(script)
    monkeypatch.setattr(image_pull, "_WITHIN_SECONDS", 0.5 if "sleep" in script else 20)
    with pytest.raises(StackError, match=f"(?s)redis:8.0 cannot be pulled: {why}.*`docker pull redis:8.0`"):
        image_pull.missing(["redis:8.0"], lambda _: None)
