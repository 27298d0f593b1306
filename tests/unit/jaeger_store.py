"""A stand-in for Jaeger's query API, over httpx's transport, and traces as it gives them.

It does what Jaeger 2.13 with its store in memory does (component/test_jaeger.py asks a real one the same questions):
a trace is found if one span of the service began within [start, end], took [minDuration, maxDuration], and failed where
`tags` asks for that; the latest that was stored comes first, and `limit` ends the answer.
"""

import httpx

WALL = 1000.0


def span(name, began, took, error=False, parent=None, kind="server", **tags):
    found = [{"key": key.replace("__", "."), "value": value} for key, value in tags.items()]
    return {
        "spanID": name,
        "operationName": name,
        "processID": "p1",
        "startTime": round((WALL + began) * 1e6),
        "duration": round(took * 1e6),
        "references": [{"refType": "CHILD_OF", "spanID": parent}] if parent else [],
        "tags": [
            {"key": "span.kind", "value": kind},
            *found,
            *([{"key": "error", "value": True}] if error else []),
        ],
    }


def trace(trace_id, *spans, service="shop"):
    instance = {"key": "service.instance.id", "value": f"{service}-2"}
    return {
        "traceID": trace_id,
        "spans": list(spans),
        "processes": {"p1": {"serviceName": service, "tags": [instance]}},
    }


class Store:
    """Traces in the order in which they were stored; `pages`: what each host answers to GET /."""

    def __init__(self, *traces):
        self.traces = traces
        self.asked = []
        self.pages = {}

    def answer(self, request):
        if request.url.path == "/":
            page = self.pages.get(request.url.host)
            return httpx.Response(200, text=page) if page else httpx.Response(404)
        self.asked.append(request)
        if request.url.path == "/api/services":
            return httpx.Response(200, json={"data": sorted({self._service(one) for one in self.traces}) or None})
        asked = dict(request.url.params)
        found = [one for one in reversed(self.traces) if self._matches(one, asked)]
        return httpx.Response(200, json={"data": found[: int(asked["limit"])] or None})

    def _matches(self, trace, asked):
        return self._service(trace) == asked["service"] and any(_matches(one, asked) for one in trace["spans"])

    @staticmethod
    def _service(trace):
        return trace["processes"]["p1"]["serviceName"]


def _matches(span, asked):
    failed = {"key": "error", "value": True} in span["tags"]
    return (
        int(asked["start"]) <= span["startTime"] <= int(asked["end"])
        and span["duration"] >= float(asked.get("minDuration", "0us").removesuffix("us"))
        and span["duration"] <= float(asked.get("maxDuration", "1e18us").removesuffix("us"))
        and (failed or "tags" not in asked)
    )
