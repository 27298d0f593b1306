"""Settings read from the environment, once, by the composition function of each service."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m)?")
BODY_BYTES = 8192
"""Longest body of a request, as at the load balancer: nothing of ours is longer."""
_SECONDS_PER_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


def parse_duration(value: object) -> object:
    """Read ``250ms``, ``2s``, ``1m`` or a bare number of seconds; leave other types to pydantic."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"{value!r} is not a duration such as 250ms, 2s or 1m")
    return timedelta(seconds=float(match["number"]) * _SECONDS_PER_UNIT[match["unit"]])


@dataclass(frozen=True, slots=True)
class PortRange:
    """The ports one instance's worker processes may take, both ends included."""

    first: int
    last: int

    @classmethod
    def parse(cls, value: object) -> object:
        """Read ``24100-24107`` or a single port."""
        if not isinstance(value, str):
            return value
        first, _, last = value.partition("-")
        if not first.isdigit() or not (last or first).isdigit():
            raise ValueError(f"{value!r} is not a range of ports such as 24100-24107")
        ports = cls(int(first), int(last or first))
        if not 0 < ports.first <= ports.last < 65536:
            raise ValueError(f"{value!r} is not an ascending range of ports")
        return ports

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Address:
    """Where one server listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``host:port``."""
        host, _, port = text.strip().rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"{text!r} is not host:port")
        return cls(host, int(port))


def _parse_addresses(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(Address.parse(part) for part in value.split(","))


def _parse_names(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(name.strip() for name in value.split(",") if name.strip())


Duration = Annotated[timedelta, BeforeValidator(parse_duration), Field(ge=timedelta(0))]
Ports = Annotated[PortRange, NoDecode, BeforeValidator(PortRange.parse)]
Addresses = Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_parse_addresses)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parse_names)]


class InvalidSettings(ValueError):
    """Settings cannot be used; the message names each variable and what is wrong with it."""


class Settings(BaseSettings):
    """Values from environment variables; a service sets the prefix of their names."""

    model_config = SettingsConfigDict(frozen=True)

    elsewhere: ClassVar[frozenset[str]] = frozenset()
    """Names that share our prefix and are read by somebody else."""

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings; raises InvalidSettings, also for a variable that sets nothing."""
        prefix = str(cls.model_config.get("env_prefix", ""))
        known = {f"{prefix}{name}".upper() for name in cls.model_fields.keys() | cls.elsewhere}
        # A misspelt switch would leave on what it was to switch off, and nobody would notice.
        wrong = [f"{name}: there is no such setting" for name in sorted(_named(prefix) - known)]
        try:
            settings = cls.model_validate({})
        except ValidationError as error:
            wrong += [_in_words(prefix, part) for part in error.errors()]
        if wrong:
            raise InvalidSettings("\n".join(wrong))
        return settings


def _named(prefix: str) -> set[str]:
    return {name for name in os.environ if prefix and name.startswith(prefix)}


def _in_words(prefix: str, part: ErrorDetails) -> str:
    if not part["loc"]:
        return str(part["msg"])
    variable = f"{prefix}{part['loc'][0]}".upper()
    value = "" if part["type"] == "missing" else f" {part['input']!r}:"
    return f"{variable}:{value} {part['msg']}"


class ResilienceSettings(Settings):
    """What protects requests from the servers behind us; each can be switched off to see what it is worth."""

    deadline: bool = True
    """A request's waits are bounded together, and the services behind it know the bound."""
    retries: bool = True
    """What failed at once is repeated, within a budget."""
    circuit_breaker: bool = True
    """A dependency that keeps failing is left alone for a moment."""
    bulkhead: bool = True
    """Calls at a time, and waits for a turn, are bounded for each dependency."""


class ServiceSettings(ResilienceSettings):
    """What every service needs to know about itself."""

    instance: str
    """Name of this instance, such as ``shop-1``; the same in logs, traces and metrics."""
    metrics_ports: Ports
    """Each worker process serves its metrics on the first free port of this range."""
    metrics_host: str = "127.0.0.1"
    """The address it serves them on."""
    names_itself: bool = False
    """Say with each answer which instance gave it, in X-Served-By; where the load balancer knows, it says so."""
    otlp_endpoint: str = ""
    """OTLP/HTTP traces endpoint; empty switches tracing off."""
    trace_sample_ratio: float = Field(default=0.1, ge=0.0, le=1.0)
    """Share of traces kept, whatever came of them; chosen by the caller if there is a trace already."""
    trace_slow_after: Duration = timedelta(milliseconds=500)
    """A request that takes at least this long keeps its spans outside that share, as does one that fails."""
    trace_most_per_second: float = Field(default=20.0, gt=0.0)
    """Of these, so many in each worker process, on average; an outage makes all of them fail."""
    http_spans: str = Field(default="own", pattern="^(own|instrumentation)$")
    """Who makes the span of a request: the kit, or OpenTelemetry's instrumentation of FastAPI, which costs more."""
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error|critical)$")
    request_deadline: Duration = timedelta(seconds=3)
    """No request waits for its dependencies longer than this, all waits together."""
    body_bytes: int = Field(default=BODY_BYTES, ge=1)
    """Longest body of a request; a longer one is refused with 413, before more than that is in memory."""
    drain: bool = True
    """Serve on for a while after SIGTERM; off, the listener closes at once, as gunicorn does by itself."""
    drain_delay: Duration = timedelta(milliseconds=1500)
    """How long /readyz says 503 while requests are still taken, before the listener closes.

    HAProxy has noticed after 1.0 s (two checks, 500 ms apart); the rest is for a busy machine. While requests still
    come, it lasts up to twice as long.
    """


class PostgresSettings(ResilienceSettings):
    """How to reach Postgres, and how long to wait for it."""

    postgres_dsn: str
    async_io: bool = True
    """Off, every wait for Postgres holds up the whole process."""
    pool: bool = True
    """Off, each use opens a connection of its own, however many there are."""
    postgres_pool_min: int = Field(default=10, ge=0)
    """As many as at most: a pool grows by one connection at a time, and slowest when Postgres is slow."""
    postgres_pool_max: int = Field(default=10, ge=1)
    postgres_pool_timeout: Duration = timedelta(seconds=1)
    """Longest wait for a free connection."""
    postgres_pool_max_waiting: int = Field(default=500, ge=1)
    """Requests that may wait at a time; any further one is shed at once."""
    postgres_query_timeout: Duration = timedelta(seconds=1)
    """Longest use of a connection by one request."""


class RedisSettings(ResilienceSettings):
    """How to reach the Redis Cluster, and how little to wait for it."""

    redis_nodes: Addresses
    redis_user: str = ""
    """Who this is to Redis; empty: nobody in particular, where Redis asks for no password."""
    redis_password_file: Path | None = None
    """A file that has the user's password, and nothing else."""
    redis_pool_max: int = Field(default=32, ge=1)
    """Commands at a time, so that no node can have more connections than this."""
    redis_socket_timeout: Duration = timedelta(milliseconds=100)
    """Longest wait for one node to connect or answer."""
    redis_timeout: Duration = timedelta(milliseconds=250)
    """Longest wait for one cache operation, topology refresh included."""
    redis_store_socket_timeout: Duration = timedelta(milliseconds=400)
    """As `redis_socket_timeout`, where there is no other place to look, as for sessions."""
    redis_store_timeout: Duration = timedelta(seconds=1)
    """As `redis_timeout`, where there is no other place to look."""
