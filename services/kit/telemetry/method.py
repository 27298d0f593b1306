"""What a request's method is called in spans and metrics: anyone who asks can invent methods."""

# What OpenTelemetry's conventions know, which have one word for all others.
KNOWN = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
OTHER = "_OTHER"


def label(method: str) -> str:
    """Return what stands in labels and attributes."""
    return method if method in KNOWN else OTHER


def span_name(method: str) -> str:
    """Return what a span is called as long as nothing else is known of the request."""
    return method if method in KNOWN else "HTTP"
