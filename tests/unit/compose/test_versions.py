"""Versions of the servers: what real ones say is understood, and one that is too old is one clear line."""

from pathlib import Path

import pytest

from compose import versions
from compose.settings import ROOT
from compose.tools import Tools

# As Debian 12's and 13's say it, first lines; of others, their releases'.
DEBIAN_12 = {
    "haproxy": "HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/",
    "postgres": "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
    "redis-server": "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0",
    "prometheus": "prometheus, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0+ds-5+deb12u1)",
    "prometheus-alertmanager": "alertmanager, version 0.25.0 (branch: debian/sid, revision: 0.25.0-1+b4)",
    "prometheus-postgres-exporter": "postgres_exporter, version 0.11.1 (branch: debian/sid, revision: 0.11.1-3+b5)",
    "prometheus-redis-exporter": 'time="2026-11-29T15:20:34Z" level=info msg="Redis Metrics Exporter 1.45.0-2+b4    '
    'build date: 20230409-10:15:07    sha1: debian/sid    Go: go1.19.8    GOOS: linux    GOARCH: amd64"',
}


@pytest.fixture
def programs(tmp_path):
    """Executables that say what the real ones said, to whatever they are asked."""

    def make(said: dict[str, str]) -> Tools:
        for name, line in said.items():
            # HAProxy says it to -v only, the others to --version only; exporters on standard error.
            flag = "-v" if name == "haproxy" else "--version"
            stream = 2 if "redis-exporter" in name else 1
            (tmp_path / name).write_text(
                f"#!/bin/sh\n[ \"$*\" = {flag} ] || exit 9\ncat >&{stream} <<'END'\n{line}\nEND\n"
            )
            (tmp_path / name).chmod(0o755)
        return Tools({name: Path(tmp_path / name) for name in said})

    return make


def test_debian_12s_servers_are_new_enough(programs):
    assert versions.assert_new_enough(programs(DEBIAN_12)) == []


def test_every_server_of_the_table_is_asked(programs):
    assert {each.program for each in versions.table()} == DEBIAN_12.keys()


def test_readme_says_the_same():
    oldest = {each.program: each.version for each in versions.table()}
    (line,) = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| servers |")]
    names = {"HAProxy": "haproxy", "Redis": "redis-server", "Postgres": "postgres", "Prometheus": "prometheus"}
    names["Alertmanager"] = "prometheus-alertmanager"
    for name, program in names.items():
        assert f"{name} {oldest[program]}" in line


@pytest.mark.parametrize(
    ("program", "said", "told"),
    [
        # Ubuntu 22.04's.
        (
            "prometheus",
            "prometheus, version 2.31.2+ds1 (branch: debian/sid, revision: 2.31.2+ds1-1ubuntu1)",
            "prometheus 2.31.2 is too old: 2.42 or newer is needed, as the alert rules say keep_firing_for; "
            "install a newer prometheus, or use RUNTIME=compose",
        ),
        ("haproxy", "HAProxy version 2.4.24-0ubuntu0.22.04.1 2023/10/31 - https://haproxy.org/", "haproxy 2.4.24 is"),
        ("postgres", "postgres (PostgreSQL) 9.6.24", "postgres 9.6.24 is too old: 15 or newer"),
        ("redis-server", "Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64 build=a3", "7.0 or newer"),
    ],
)
def test_one_that_is_too_old_is_one_clear_line(programs, program, said, told):
    with pytest.raises(versions.TooOld) as raised:
        versions.assert_new_enough(programs(DEBIAN_12 | {program: said}))
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_versions_are_compared_by_number(programs):
    newer = {
        "haproxy": "HAProxy version 2.10.1 2030/01/01 - https://haproxy.org/",
        "postgres": "postgres (PostgreSQL) 19beta1",
        "redis-server": "Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=a3",
        "prometheus": "prometheus, version 3.16.0 (branch: HEAD, revision: 0)",
        "prometheus-alertmanager": "alertmanager, version 1.0.0 (branch: HEAD, revision: 0)",
    }
    assert versions.assert_new_enough(programs(DEBIAN_12 | newer)) == []


def test_one_that_does_not_say_its_version_is_named(programs):
    notes = versions.assert_new_enough(
        programs(DEBIAN_12 | {"prometheus": "prometheus, version  (branch: , revision: )"})
    )
    assert notes == [
        "prometheus: does not say its version; 2.42 or newer is needed, as the alert rules say keep_firing_for"
    ]
