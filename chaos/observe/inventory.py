"""Asks a stack's servers, by GET alone, which rules they run, what those look at, and whom they would tell."""

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
import yaml

from chaos.errors import SignalUnavailable
from chaos.facts.alerts import AlertsSent
from chaos.facts.inventory import Inventory, LiveAlert, RuleRuns, Scraped, Silence
from chaos.judge import inputs
from chaos.observe.alertmanager import silences_of
from chaos.observe.prometheus import Prometheus
from chaos.reach.http import JsonApi
from chaos.spec import relabel, routing
from chaos.spec.door import Address
from chaos.spec.routing import Routing

ANSWERS_WITHIN_SECONDS = 10.0
_SERIES_WITHIN_SECONDS = 10.0
"""For all questions about series: of whom nothing was asked by then nobody says whether it has input."""
_AT_ONCE = 4
_LONGEST_QUERY = 3_000
"""Characters: a proxy on the way takes some 8,000 with what encoding adds."""
_PLACED = re.compile(r"\s+(offset\s+-?\S+|@\s*\S+)\s*$")
_NUMBER = "stormdrill_selector"
_T = TypeVar("_T")


class Asking:
    """One stack that is looked at. Takes some seconds; what cannot be asked is said, and no success."""

    def __init__(
        self,
        prometheus: Address,
        alertmanager: Address = "",
        rules: Address = "",
        toxiproxy: str = "",
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prometheus = JsonApi("Prometheus", prometheus, transport, ANSWERS_WITHIN_SECONDS)
        self._evaluator = Prometheus(rules or prometheus, 0.0, transport, ANSWERS_WITHIN_SECONDS)
        self._alertmanager, self._toxiproxy = (
            JsonApi(name, address, transport, ANSWERS_WITHIN_SECONDS) if address else None
            for name, address in (("Alertmanager", alertmanager), ("Toxiproxy", toxiproxy))
        )
        self._untold: list[str] = []
        self._clock = clock
        self._until = math.inf

    def ask(self) -> Inventory:
        """All there is to know. Raises SignalUnavailable where nobody says which rules there are."""
        rules = tuple(RuleRuns(rule, why) for rule, why in self._evaluator.rules_and_health())
        selectors = inputs.selectors(one.rule for one in rules)
        routed, live, silences = self._routed()
        sent = self._told("which labels it adds", self._sent, AlertsSent(0.0))
        return Inventory(
            rules=rules,
            scrapes=self._told("how often it scrapes", self._evaluator.scrape_intervals, {}),
            seen=self._seen(selectors),
            targets=self._told("what it scrapes", self._targets, ()),
            external=sent.external,
            relabel=tuple(sent.relabel),
            routing=routed,
            live=live,
            silences=silences,
            links=self._told("which links there are", self._proxies, ()),
            untold=tuple(self._untold),
        )

    def close(self) -> None:
        """Close its connections."""
        for one in (self._prometheus, self._evaluator, self._alertmanager, self._toxiproxy):
            if one:
                one.close()

    def _told(self, what: str, ask: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return ask()
        except SignalUnavailable as error:
            self._untold.append(f"{what}: {error}")
        except (AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
            self._untold.append(f"{what}: not an answer: {type(error).__name__}: {error}")
        return otherwise

    def _targets(self) -> tuple[Scraped, ...]:
        found = self._prometheus.get("/api/v1/targets", state="active")["data"]["activeTargets"]
        return tuple(dict.fromkeys(Scraped(one["labels"]["job"], one["labels"]["instance"]) for one in found))

    def _sent(self) -> AlertsSent:
        sent = self._evaluator.alerts_sent()
        if sent.error is not None:
            raise SignalUnavailable(sent.error)
        relabel.possible({}, sent.relabel)  # ValueError for what cannot be read
        return sent

    def _proxies(self) -> tuple[str, ...]:
        return tuple(sorted(self._toxiproxy.get("/proxies"))) if self._toxiproxy else ()

    def _routed(self) -> tuple[Routing | None, tuple[LiveAlert, ...], tuple[Silence, ...]]:
        if not self._alertmanager:
            self._untold.append("whom alerts reach: no Alertmanager is named")
            return None, (), ()
        api = self._alertmanager
        routed = self._told(
            "whom alerts reach", lambda: routing.read(api.get("/api/v2/status")["config"]["original"]), None
        )
        nothing: tuple[LiveAlert, ...] = ()
        none: tuple[Silence, ...] = ()
        live = self._told("which alerts it has", lambda: tuple(_live(api.get("/api/v2/alerts"))), nothing)
        silences = self._told("what is silenced", lambda: silences_of(api.get("/api/v2/silences")), none)
        return routed, live, silences

    def _seen(self, selectors: Sequence[str]) -> dict[str, frozenset[str] | None]:
        found: dict[str, frozenset[str] | None] = {}
        self._until = self._clock() + _SERIES_WITHIN_SECONDS
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for told in pool.map(self._of_batch, _batches(selectors)):
                found |= told
        if silent := sorted(name for name, instances in found.items() if instances is None):
            self._untold.append(f"whether there are series of {len(silent)} selectors, such as {silent[0]}")
        return found

    def _of_batch(self, selectors: list[str]) -> dict[str, frozenset[str] | None]:
        if self._clock() > self._until:
            return dict.fromkeys(selectors)
        query = " or ".join(_hour(number, one) for number, one in enumerate(selectors))
        try:
            result = self._prometheus.get("/api/v1/query", query=query)["data"]["result"]
            found: dict[int, set[str]] = {}
            for one in result:
                found.setdefault(int(one["metric"][_NUMBER]), set()).add(one["metric"].get("instance", ""))
            return {one: frozenset(found.get(number, ())) for number, one in enumerate(selectors)}
        except (SignalUnavailable, AttributeError, KeyError, TypeError, ValueError):
            if len(selectors) == 1:
                return {selectors[0]: None}
        # One that it does not understand, or that is too much for it, must not hide the others.
        half = len(selectors) // 2
        return self._of_batch(selectors[:half]) | self._of_batch(selectors[half:])


def _hour(number: int, selector: str) -> str:
    """Which instances gave series of a selector within the last hour, whenever the rule itself looks."""
    bare = selector
    while (placed := _PLACED.sub("", bare)) != bare:
        bare = placed
    counted = f"count by (instance) (last_over_time({bare}[1h]))"
    return f'label_replace({counted}, "{_NUMBER}", "{number}", "", "")'


def _batches(selectors: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    length = 0
    for one in selectors:
        if batch and length + len(_hour(0, one)) > _LONGEST_QUERY:
            yield batch
            batch, length = [], 0
        batch.append(one)
        length += len(_hour(0, one))
    if batch:
        yield batch


def _live(answer: Iterable[dict[str, Any]]) -> Iterator[LiveAlert]:
    for one in answer:
        status, labels = one["status"], dict(one["labels"])
        kept = [f"silence {each}" for each in status["silencedBy"]]
        kept += [f"mute interval {each}" for each in status.get("mutedBy") or []]
        kept += ["inhibited"] if status["inhibitedBy"] else []
        receivers = tuple(receiver["name"] for receiver in one.get("receivers") or [])
        yield LiveAlert(labels.pop("alertname", ""), labels, receivers, tuple(kept))
