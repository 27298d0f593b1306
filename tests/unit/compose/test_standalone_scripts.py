"""The self-contained file's scripts, run by a shell with programs that answer like the real ones."""

import os
import subprocess

import pytest

from compose.containers.images import images
from compose.standalone import scripts

PORTS = (7001, 7002, 7003, 7004, 7005, 7006)
GETENT = """
case $1 in
ahostsv4) echo '172.18.0.5      STREAM toxiproxy'; echo '172.18.0.5      DGRAM' ;;
*) echo 'fd00::5         toxiproxy' ;;
esac
"""
# A node's answer is the file of its name; `create` forms the cluster, unless it is made to fail.
REDIS_CLI = """
echo "$*" >>"$FOLDER/asked"
case "$*" in
*ping) echo PONG ;;
*'cluster info') cat "$FOLDER/$4" ;;
*'cluster nodes') for each in 1 2 3; do echo 'master -'; echo 'slave -'; done | head -n "${NODES:-6}" ;;
*'reset hard') echo OK ;;
*create*) [ -z "$BROKEN" ] && for node in 7001 7002 7003 7004 7005 7006; do cp "$FOLDER/formed" "$FOLDER/$node"; done ;;
esac
"""
FORMED = "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\ncluster_known_nodes:6\r\n"
FRESH = "cluster_state:fail\r\ncluster_slots_assigned:0\r\ncluster_slots_ok:0\r\ncluster_known_nodes:1\r\n"
HALF = "cluster_state:ok\r\ncluster_slots_assigned:5461\r\ncluster_slots_ok:5461\r\ncluster_known_nodes:2\r\n"


@pytest.fixture
def programs(tmp_path):
    """Puts them where the shell finds them first."""
    for name, script in {"getent": GETENT, "redis-cli": REDIS_CLI, "redis-server": 'echo "$@"'}.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    (tmp_path / "formed").write_text(FORMED)
    return tmp_path


def shell(folder, script, *arguments, options="-ec", **environment):
    path = f"{folder}:{os.environ['PATH']}"
    return subprocess.run(
        ("sh", options, script, *arguments),
        env={"PATH": path, "FOLDER": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def form(folder, answers, monkeypatch, seconds=120, **environment):
    for port, answer in zip(PORTS, answers, strict=True):
        (folder / str(port)).write_text(answer)
    monkeypatch.setattr(scripts, "_WITHIN_SECONDS", seconds)
    done = shell(folder, scripts.cluster(PORTS, 1), **environment)
    return done, (folder / "asked").read_text()


@pytest.mark.parametrize("script", [scripts.REDIS, images("", "")["redis"].entrypoint[2]])
def test_a_node_announces_the_address_that_every_network_has(programs, script):
    done = shell(programs, script, "/conf", options="-c")
    assert done.stdout == "/conf --cluster-announce-ip 172.18.0.5\n"


def test_new_nodes_become_a_cluster(programs, monkeypatch):
    done, asked = form(programs, [FRESH] * 6, monkeypatch)
    assert done.returncode == 0, done.stderr
    addresses = " ".join(f"172.18.0.5:{port}" for port in PORTS)
    assert f"--cluster create {addresses} --cluster-replicas 1 --cluster-yes\n" in asked


def test_a_cluster_that_is_whole_is_left_as_it_is(programs, monkeypatch):
    done, asked = form(programs, [FORMED] * 6, monkeypatch)
    assert done.returncode == 0, done.stderr
    assert "create" not in asked
    assert "reset" not in asked


def test_one_that_was_interrupted_while_it_was_formed_is_formed_anew(programs, monkeypatch):
    done, asked = form(programs, [HALF, HALF, FRESH, FRESH, FRESH, FRESH], monkeypatch)
    assert done.returncode == 0, done.stderr
    assert asked.count("cluster reset hard") == 6
    assert asked.index("reset hard") < asked.index("create")


@pytest.mark.parametrize(
    ("answers", "environment"),
    [
        ([FORMED] * 5 + [HALF], {}),
        ([FORMED] * 5 + [FORMED.replace("ok:16384", "ok:16000")], {}),
        ([FORMED] * 6, {"NODES": "5"}),
        ([FRESH] * 6, {"BROKEN": "yes"}),
    ],
)
def test_what_does_not_become_whole_fails_in_time_and_says_what_to_do(programs, monkeypatch, answers, environment):
    done, _ = form(programs, answers, monkeypatch, seconds=0, **environment)
    assert done.returncode == 1
    assert done.stderr.endswith("docker compose -f compose/standalone/compose.yaml down --volumes, then up again\n")


CONF = "/etc/stormdrill/postgresql.conf"


@pytest.mark.parametrize(
    ("there", "kept"),
    [
        ({}, False),
        ({"PG_VERSION": "17", "postgresql.conf": "port = 5432\n", "base": "half"}, False),
        ({"base": "less than half"}, False),
        ({"PG_VERSION": "17", "postgresql.conf": f"port = 5432\ninclude '{CONF}'\n", "base": "data"}, True),
    ],
)
def test_a_database_that_was_never_finished_is_made_anew(tmp_path, there, kept):
    (tmp_path / "docker-entrypoint.sh").write_text('#!/bin/sh\necho "begins $1"\n')
    (tmp_path / "docker-entrypoint.sh").chmod(0o755)
    data = tmp_path / "data"
    data.mkdir()
    for name, content in there.items():
        (data / name).write_text(content)
    done = shell(tmp_path, scripts.postgres(CONF), "postgres", options="-c", PGDATA=str(data))
    assert done.stdout == "begins postgres\n"
    assert ("made anew" in done.stderr) == ("PG_VERSION" in there and not kept)
    assert {each.name for each in data.iterdir()} == (set(there) if kept else set())
