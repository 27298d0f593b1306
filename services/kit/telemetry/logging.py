"""JSON logs on stderr, one line an event, with the ids of the request and the trace they belong to."""

import logging
import time
from collections.abc import Callable

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

from services.kit.telemetry import request_id
from services.kit.telemetry.lines import Lines

# These say the same thing again and again while a server is away (every failed export, every
# reconnection attempt); the metrics already count it.
_REPETITIVE = ("opentelemetry", "psycopg.pool", "redis")


class RepetitionFilter(logging.Filter):
    """Lets each message of a repetitive library through once in a while."""

    def __init__(self, interval_seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._interval_seconds = interval_seconds
        self._clock = clock
        self._last_seen: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record is to be written."""
        if not record.name.startswith(_REPETITIVE):
            return True
        # The message before its arguments are filled in, so that the set of keys stays small.
        key = (record.name, str(record.msg)[:100])
        now = self._clock()
        if now - self._last_seen.get(key, float("-inf")) < self._interval_seconds:
            return False
        self._last_seen[key] = now
        return True


def _add_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    if current := request_id.current():
        event["request_id"] = current
    return event


def _add_instance(instance: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["instance"] = instance
        return event

    return add


def _shared_processors() -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_ids,
        structlog.processors.format_exc_info,
    ]


def json_formatter() -> logging.Formatter:
    """Return the formatter that gives libraries' log records the form of our own."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *_shared_processors()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(default=str),
        ],
    )


def configure_logging(instance: str, level: str, lines: Lines) -> None:
    """Send our events, and libraries' warnings, to stderr as JSON, without ever waiting for who reads it."""
    structlog.configure(
        processors=[
            _add_instance(instance),
            *_shared_processors(),
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(json_formatter())
    handler.addFilter(RepetitionFilter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    # gunicorn's own, of which a worker has those that its master has set up; anyone can have it log bad requests.
    for theirs in logging.getLogger("gunicorn.error").handlers:
        if isinstance(theirs, logging.StreamHandler):
            theirs.setStream(lines)
