"""The passwords of one stack: made anew each time it is brought up, each in a file that its owner alone can read.

A server is told verifiers, by which nobody can log in: what it reads may be read by all. This file is a program too,
for the self-contained Compose file: `python credentials.py FOLDER TOLD DATABASE`; below TOLD there is a folder for each
role, and one for Postgres, that gets nothing but what is its own.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path

OWNER = "stormdrill"
"""Superuser of the database: who makes it, and who attacks it."""
SERVICES = ("shop", "inventory")
EXPORTER = "exporter"
_LOGINS = (OWNER, *SERVICES, EXPORTER)
_ITERATIONS = 4096
"""As Postgres's own."""
ROLES = "roles.sql"
_REPLICA = "replica"
_REDIS_USERS = {
    # The attacker, and whoever forms the cluster and proves it.
    OWNER: "~* &* +@all",
    "shop": "~* resetchannels +@all -@admin -@dangerous +cluster|slots +cluster|shards +cluster|nodes",
    # No CONFIG GET, which would tell it the replicas' password; of what is about connections, not how to stop others'.
    EXPORTER: "-@all +@connection -@admin -@dangerous "
    "+info +memory +latency +slowlog|get +slowlog|len +cluster|info +cluster|nodes",
    _REPLICA: "-@all +psync +replconf +ping",
}


def password_file(folder: Path, role: str) -> Path:
    """What a client is told: for libpq (`passfile`), of the exporter's the password alone."""
    return folder / f"postgres-{role}"


def redis_password_file(folder: Path, user: str) -> Path:
    """The password of a user of Redis's."""
    return folder / f"redis-{user}"


def redis_password(folder: Path, user: str = OWNER) -> str:
    """The password itself. Raises OSError where there is none."""
    return redis_password_file(folder, user).read_text()


def redis_users(folder: Path) -> Path:
    """What Redis is told of its users, for itself alone: it has to know the password by which its nodes copy."""
    return folder / "redis.conf"


def redis_passwords(folder: Path) -> Path:
    """What Redis's exporter is told, of each node."""
    return folder / "redis-passwords.json"


def make_redis(folder: Path, addresses: Iterable[str], owner: int = -1) -> None:
    """Make a password for each of Redis's users, and what nodes and exporter are told of them.

    `addresses`: `host:port` of each node, as the exporter reaches it.
    """
    for user in _REDIS_USERS:
        _write(redis_password_file(folder, user), secrets.token_urlsafe(32))
    lines = ["user default off"]
    for user, may in _REDIS_USERS.items():
        verifier = hashlib.sha256(redis_password(folder, user).encode()).hexdigest()
        lines.append(f"user {user} on #{verifier} {may}")
    lines += [f"masteruser {_REPLICA}", f"masterauth {redis_password(folder, _REPLICA)}", ""]
    _write(redis_users(folder), "\n".join(lines))
    told = {f"redis://{EXPORTER}@{address}": redis_password(folder, EXPORTER) for address in addresses}
    _write(redis_passwords(folder), json.dumps(told))
    for file in folder.glob("redis*"):
        os.chown(file, owner, owner)


def certificate(folder: Path) -> Path:
    """The load balancer's certificate with its key, where there is one."""
    return folder / "haproxy.pem"


def keep_certificate(source: Path | None, folder: Path, owner: int = -1) -> None:
    """Copy a certificate with its key to where the load balancer reads it. Raises OSError."""
    if source is None:
        return
    path = certificate(folder)
    _write(path, source.read_text())
    os.chown(path, owner, owner)


def of_role(role: str) -> str:
    """The database role by whose password programs of this role of the topology log in; empty: they do not."""
    return {each: each for each in SERVICES}.get(role, EXPORTER if role == "postgres-exporter" else "")


def make(folder: Path, owner: int = -1) -> None:
    """Make the folder and in it a password for each role; what is there already is kept.

    `owner` is the user that files and folder are given to; -1: whose process this is.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    for role in _LOGINS:
        path = password_file(folder, role)
        if not path.exists():
            password = secrets.token_urlsafe(32)
            _write(path, password if role == EXPORTER else f"*:*:*:*:{password}\n")
        os.chown(path, owner, owner)
    os.chown(folder, owner, owner)


def _write(path: Path, text: str) -> None:
    # Whole or not at all, so that a start that was interrupted leaves no half a password.
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    beside.replace(path)


def roles(folder: Path, database: str) -> str:
    """The statements that make the roles, one a line, for whoever made the database; none of them names a password."""
    lines = [f"ALTER ROLE {OWNER} PASSWORD '{_verifier(folder, OWNER)}';"]
    lines += [f"CREATE ROLE {role} LOGIN PASSWORD '{_verifier(folder, role)}';" for role in (*SERVICES, EXPORTER)]
    lines += [
        f"GRANT pg_monitor TO {EXPORTER};",
        # A schema for each, which is its own; nobody gets at another's.
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC;",
        f"GRANT CONNECT ON DATABASE {database} TO {', '.join((*SERVICES, EXPORTER))};",
        f"GRANT CREATE ON DATABASE {database} TO {', '.join(SERVICES)};",
    ]
    return "\n".join([*lines, ""])


def _verifier(folder: Path, role: str) -> str:
    password = password_file(folder, role).read_text().strip().rpartition(":")[2]
    return scram(password, secrets.token_bytes(16))


def scram(password: str, salt: bytes) -> str:
    """What Postgres keeps of a password (RFC 5803)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    told_salt, told_stored, told_server = (base64.b64encode(each).decode() for each in (salt, stored, server))
    return f"SCRAM-SHA-256${_ITERATIONS}:{told_salt}${told_stored}:{told_server}"


if __name__ == "__main__":
    kept, told = Path(sys.argv[1]), Path(sys.argv[2])
    make(kept)
    for its in (*SERVICES, EXPORTER):
        _write(password_file(told / its, its), password_file(kept, its).read_text())
    (told / "postgres" / ROLES).write_text(roles(kept, sys.argv[3]))
