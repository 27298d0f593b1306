"""How long other servers take to do what they are asked, under OpenTelemetry's names."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Histogram

from services.kit.telemetry.spans import exemplar

# The bounds that the conventions give for db.client.operation.duration, and what lies between.
_DATABASE_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Those for http.client.request.duration.
_HTTP_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


class DatabaseSeries:
    """The series of one database."""

    def __init__(self, family: Histogram, system: str, error_types: Iterable[str]) -> None:
        self._family = family
        self._system = system
        self._succeeded = family.labels(system, "")
        for error_type in error_types:
            family.labels(system, error_type)

    def took(self, seconds: float, error: BaseException | None = None) -> None:
        """Note one use of the database, and what went wrong with it."""
        series = self._succeeded if error is None else self._family.labels(self._system, type(error).__name__)
        series.observe(seconds, exemplar())


class ServiceSeries:
    """The series of one service."""

    def __init__(self, family: Histogram, address: str, answers: Iterable[tuple[str, int]]) -> None:
        self._family = family
        self._address = address
        answers = list(answers)
        for method, status in answers:
            self._answered(method, status)
        for method in {method for method, _ in answers}:
            self._answered(method, 503)
            for error_type in ("TimeoutError", "ConnectError"):
                self._failed(method, error_type)

    def answered(self, method: str, status: int, seconds: float) -> None:
        """Note an answer, whatever it says."""
        self._answered(method, status).observe(seconds, exemplar())

    def failed(self, method: str, error: BaseException, seconds: float) -> None:
        """Note a request that got no answer."""
        self._failed(method, type(error).__name__).observe(seconds, exemplar())

    def _answered(self, method: str, status: int) -> Histogram:
        return self._family.labels(self._address, method, str(status), str(status) if status >= 400 else "")

    def _failed(self, method: str, error_type: str) -> Histogram:
        return self._family.labels(self._address, method, "", error_type)


class ClientMetrics:
    """The families; each server is a label value in them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._databases = Histogram(
            "db_client_operation_duration_seconds",
            "Time of one use of a connection to Postgres, or one Redis operation, without the wait for a connection.",
            ("db_system_name", "error_type"),
            buckets=_DATABASE_BUCKETS_SECONDS,
            registry=registry,
        )
        self._services = Histogram(
            "http_client_request_duration_seconds",
            "Time from sending a request to another service to the end of its answer, each attempt by itself.",
            ("server_address", "http_request_method", "http_response_status_code", "error_type"),
            buckets=_HTTP_BUCKETS_SECONDS,
            registry=registry,
        )

    def database(self, system: str, error_types: Iterable[str]) -> DatabaseSeries:
        """Create the series of one database, also those of the errors that are to be expected."""
        return DatabaseSeries(self._databases, system, error_types)

    def service(self, address: str, answers: Iterable[tuple[str, int]]) -> ServiceSeries:
        """Create the series of one service: of the answers that are to be expected (method, status), and of none."""
        return ServiceSeries(self._services, address, answers)
