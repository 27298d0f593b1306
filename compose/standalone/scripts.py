"""The shell scripts of the self-contained Compose file: each may be interrupted, and repeated."""

from collections.abc import Sequence

_ANEW = "docker compose -f compose/standalone/compose.yaml down --volumes, then up again"
_WITHIN_SECONDS = 120
# A name has addresses of two kinds on a network that has IPv6; nodes announce the one that all have.
_FOUND = "address=$(getent ahostsv4 toxiproxy)"
# Toxiproxy's address may be another one whenever containers start anew; to the cluster it is every node's.
REDIS = (
    f"until {_FOUND}; do sleep 0.1; done\n"
    + r"""address=${address%% *}
if [ -f /data/nodes.conf ]; then sed -i "s/^\([0-9a-f]* \)[^:]*:/\1$address:/" /data/nodes.conf; fi
exec redis-server "$0" --cluster-announce-ip "$address"
"""
)
# A cluster that some node knows whole is left as it is; anything else was interrupted before anybody could use it, and
# Redis refuses to reset a node that has data.
_CLUSTER = (
    r"""read -r begun _ </proc/uptime
tell() { redis-cli -h toxiproxy -p "$@"; }
fail() { echo "redis-cluster: $1: ANEW" >&2; exit 1; }
await() {
    until "$@"; do
        read -r now _ </proc/uptime
        if [ $((${now%%.*} - ${begun%%.*})) -ge SECONDS ]; then fail "still not $* after SECONDS s"; fi
        sleep 0.2
    done
}
answering() { [ "$(tell "$1" ping)" = PONG ]; }
says() { tell "$1" cluster info | grep -q "^$2"; }
whole() {
    says "$1" cluster_state:ok && says "$1" cluster_slots_ok:16384 && says "$1" "cluster_known_nodes:COUNT\b" &&
        [ "$(tell "$1" cluster nodes | grep -c slave)" = OF_REPLICAS ]
}
"""
    + f"found() {{ {_FOUND}; }}\n"
    + r"""await found
nodes=
formed=
for port in PORTS; do
    await answering $port
    nodes="$nodes ${address%% *}:$port"
    if says $port cluster_slots_assigned:16384; then formed=yes; fi
done
if [ -z "$formed" ]; then
    for port in PORTS; do tell $port cluster reset hard || fail "not reset"; done
    timeout SECONDS redis-cli --cluster create $nodes --cluster-replicas REPLICAS --cluster-yes || fail "not created"
fi
for port in PORTS; do await whole $port; done
"""
)
# The last that the image's entry point does for a new database is to include our settings: without, it never served.
_POSTGRES = """\
if ! grep -qsF "CONF" "$PGDATA/postgresql.conf"; then
    if [ -e "$PGDATA/PG_VERSION" ]; then echo "its first start was interrupted: the database is made anew" >&2; fi
    rm -rf "${PGDATA:?}"/*
fi
exec docker-entrypoint.sh "$0"
"""


def cluster(ports: Sequence[int], replicas: int) -> str:
    """Makes one cluster of the nodes behind these ports of Toxiproxy; fails after two minutes, saying what to do."""
    values = {
        "PORTS": " ".join(map(str, ports)),
        "COUNT": len(ports),
        "OF_REPLICAS": len(ports) * replicas // (replicas + 1),
        "REPLICAS": replicas,
        "SECONDS": _WITHIN_SECONDS,
        "ANEW": _ANEW,
    }
    script = _CLUSTER
    for name, value in values.items():
        script = script.replace(name, str(value))
    return script


def postgres(conf: str) -> str:
    """Makes the database anew where it was interrupted before it had these settings, and runs it."""
    return _POSTGRES.replace("CONF", conf)
