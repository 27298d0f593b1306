"""Writes a registry in Prometheus's text formats, as `prometheus_client` does, for a fraction of its CPU time.

A process of ours has some hundred series that hardly move between two scrapes: their names and labels are put together
once, and the lines of what has not moved are those of the last time. The library makes an object of every sample, and
sorts and escapes its labels anew, each time. What it keeps its values in is private to it, so its version is pinned and
a property test holds what is written here against it.
"""

from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest as as_text
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as as_openmetrics
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

_END = "# EOF\n"
# Without types in the library.
_number: Callable[[float], str] = floatToGoString


class _Lines(Protocol):
    def text(self) -> str: ...


class Exposition:
    """One registry in one of the two formats; remembers what it has written."""

    def __init__(self, registry: CollectorRegistry, *, openmetrics: bool) -> None:
        self._registry = registry
        self._openmetrics = openmetrics
        self._families: dict[Collector, _Family] = {}
        # Two may scrape at once.
        self._writing = Lock()

    def write(self) -> bytes:
        """Return all series as they are now."""
        with self._writing:
            parts = [self._part(collector) for collector in list(self._registry._collector_to_names)]
        return "".join([*parts, _END if self._openmetrics else ""]).encode()

    def _part(self, collector: Collector) -> str:
        # Not what is derived from these, which may count in another way.
        if type(collector) in (Counter, Gauge, Histogram) and not getattr(collector, "_unit", ""):
            family = self._families.get(collector)
            if family is None:
                family = self._families[collector] = _Family(collector, openmetrics=self._openmetrics)
            return family.text()
        return self._by_the_library(collector)

    def _by_the_library(self, collector: Collector) -> str:
        write = as_openmetrics if self._openmetrics else as_text
        return write(_Collected(collector.collect())).decode().removesuffix(_END)


class _Collected(Collector):
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


class _Family:
    """One counter, gauge or histogram, with all its label sets."""

    def __init__(self, metric: Any, *, openmetrics: bool) -> None:
        self._metric: MetricWrapperBase = metric
        self._openmetrics = openmetrics
        self._head = _head(metric, openmetrics=openmetrics)
        self._lines: dict[MetricWrapperBase, _Lines] = {}

    def text(self) -> str:
        return self._head + "".join([self._lines_of(child).text() for child in self._children()])

    def _children(self) -> Sequence[MetricWrapperBase]:
        metric = self._metric
        if not metric._labelnames:
            return (metric,)
        with metric._lock:
            return tuple(metric._metrics.values())

    def _lines_of(self, child: MetricWrapperBase) -> _Lines:
        lines = self._lines.get(child)
        if lines is None:
            lines = self._lines[child] = _lines(child, exemplars=self._openmetrics)
        return lines


def _head(metric: MetricWrapperBase, *, openmetrics: bool) -> str:
    name, help_text = metric._name, metric._documentation.replace("\\", r"\\").replace("\n", r"\n")
    if openmetrics:
        help_text = help_text.replace('"', r"\"")
    elif metric._type == "counter":
        name += "_total"
    return f"# HELP {name} {help_text}\n# TYPE {name} {metric._type}\n"


def _lines(child: MetricWrapperBase, *, exemplars: bool) -> _Lines:
    if isinstance(child, Histogram):
        return _HistogramLines(child, exemplars=exemplars)
    if isinstance(child, Counter):
        return _CounterLine(child, exemplars=exemplars)
    return _GaugeLine(child)


class _GaugeLine:
    """Asks the library, as a gauge may be a function."""

    def __init__(self, child: Any) -> None:
        self._child = child
        self._start = _start(child)

    def text(self) -> str:
        return "".join([f"{self._start}{_number(sample.value)}\n" for sample in self._child._child_samples()])


class _CounterLine:
    def __init__(self, child: Any, *, exemplars: bool) -> None:
        self._value = child._value
        self._exemplars = exemplars
        self._start = _start(child, "_total")

    def text(self) -> str:
        exemplar = _exemplar(self._value.get_exemplar()) if self._exemplars else ""
        return f"{self._start}{_number(self._value.get())}{exemplar}\n"


class _HistogramLines:
    def __init__(self, child: Any, *, exemplars: bool) -> None:
        self._buckets = child._buckets
        self._sum = child._sum
        self._exemplars = exemplars
        self._starts = [_start(child, "_bucket", _number(bound)) for bound in child._upper_bounds]
        self._count_start = _start(child, "_count")
        # As the library has it: a sum that may go down is no counter.
        self._sum_start = _start(child, "_sum") if child._upper_bounds[0] >= 0 else ""
        self._written: list[float] = []
        self._text = ""

    def text(self) -> str:
        # An exemplar comes with an observation, so what has counted nothing more has no other one.
        now = [bucket._value for bucket in self._buckets]
        now.append(self._sum._value)
        if now != self._written:
            self._text = self._anew(now)
            self._written = now
        return self._text

    def _anew(self, now: list[float]) -> str:
        total, lines = 0.0, []
        for start, value, bucket in zip(self._starts, now, self._buckets, strict=False):
            total += value
            exemplar = _exemplar(bucket.get_exemplar()) if self._exemplars else ""
            lines.append(f"{start}{_number(total)}{exemplar}\n")
        lines.append(f"{self._count_start}{_number(total)}\n")
        if self._sum_start:
            lines.append(f"{self._sum_start}{_number(now[-1])}\n")
        return "".join(lines)


def _start(child: MetricWrapperBase, suffix: str = "", le: str = "") -> str:
    """A line up to its value."""
    labels = list(zip(child._labelnames, child._labelvalues, strict=True)) + ([("le", le)] if le else [])
    return f"{child._name}{suffix}{_in_braces(labels)} "


def _in_braces(labels: Iterable[tuple[str, str]]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels))
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _exemplar(exemplar: Exemplar | None) -> str:
    if exemplar is None:
        return ""
    labels = _in_braces(exemplar.labels.items()) or "{}"
    at = "" if exemplar.timestamp is None else f" {exemplar.timestamp}"
    return f" # {labels} {_number(exemplar.value)}{at}"
