"""Each program has a role of its own in Postgres, which its password proves and which may do its work and no more."""

import base64
import stat
import subprocess

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from compose.config import credentials
from compose.config.programs import postgres_dsn

pytestmark = pytest.mark.stack


@pytest.fixture
def port(stack):
    return stack.topology.one("postgres").port


@pytest.fixture
def owner(stack, port):
    with psycopg.connect(postgres_dsn(stack.topology, port), autocommit=True) as connection:
        yield connection


def connect(stack, port, role):
    if role == credentials.EXPORTER:
        password = credentials.password_file(stack.topology.secrets, role).read_text()
        return psycopg.connect(f"postgresql://{role}@127.0.0.1:{port}/stormdrill", password=password)
    return psycopg.connect(postgres_dsn(stack.topology, port, role=role))


def test_programs_connect_as_themselves_and_none_is_a_superuser(owner):
    rows = owner.execute(
        "SELECT application_name, usename, rolsuper FROM pg_stat_activity JOIN pg_roles ON rolname = usename"
        " WHERE application_name ~ '^(shop|inventory)-[0-9]$|^postgres-exporter$'"
    ).fetchall()
    found = {(name.partition("-")[0], role) for name, role, _ in rows}
    assert found == {("shop", "shop"), ("inventory", "inventory"), ("postgres", "exporter")}
    assert not any(superuser for _, _, superuser in rows)


@pytest.mark.parametrize("role", ["stormdrill", "shop", "inventory", "exporter", "postgres", "nobody"])
@pytest.mark.parametrize("password", ["", "guessed"])
def test_without_its_password_nobody_gets_in(port, tmp_path, role, password):
    # No file of somebody's home is asked.
    told = {"passfile": str(tmp_path / "none"), "password": password or None, "connect_timeout": 5}
    with pytest.raises(psycopg.OperationalError, match=r"password|authentication"):
        psycopg.connect(f"postgresql://{role}@127.0.0.1:{port}/stormdrill", **told)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("shop", "SELECT * FROM inventory.stock"),
        ("inventory", "SELECT * FROM shop.orders"),
        ("exporter", "SELECT * FROM shop.orders"),
        ("exporter", "CREATE SCHEMA mine"),
        *((role, "COPY (SELECT 1) TO PROGRAM 'true'") for role in ("shop", "inventory", "exporter")),
        *((role, "SELECT pg_read_file('/etc/passwd')") for role in ("shop", "inventory", "exporter")),
        *((role, "CREATE ROLE mine") for role in ("shop", "inventory", "exporter")),
        *((role, "SELECT rolpassword FROM pg_authid") for role in ("shop", "inventory", "exporter")),
    ],
)
def test_a_role_may_not_do_what_is_not_its_work(stack, port, role, statement):
    with connect(stack, port, role) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(statement)


def test_what_is_kept_of_a_password_is_what_postgres_would_keep(owner):
    theirs = owner.pgconn.encrypt_password(b"some password", b"somebody", b"scram-sha-256").decode()
    salt = base64.b64decode(theirs.split("$")[1].split(":")[1])
    assert credentials.scram("some password", salt) == theirs


def test_no_password_is_where_others_can_read_it(stack):
    folder = stack.topology.secrets
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(folder.iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    told = [file for file in files if file.suffix not in (".conf", ".json")]
    passwords = [file.read_text().strip().rpartition(":")[2].encode() for file in told]
    assert len(passwords) == 8
    listed = subprocess.run(("ps", "-eo", "args"), capture_output=True, check=True).stdout
    assert not [password for password in passwords if password in listed]
    state = stack.settings.state
    looked_at = [file for part in ("config", "logs") for file in (state / part).rglob("*") if file.is_file()]
    assert len(looked_at) > 20
    for file in (*looked_at, stack.target):
        content = file.read_bytes()
        assert not [password for password in passwords if password in content], file
