"""The pager as a witness: what was delivered to it, and what it refused."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx

from chaos.errors import SignalUnavailable
from chaos.facts.clocks import ClockSeen
from chaos.facts.pages import MessageSeen, PageAlert, PagerSeen, PageSeen
from chaos.observe import clocks
from chaos.reach.http import JsonApi
from chaos.spec.door import Address


class Pager:
    """The pager of one stack, from a moment on; `wall` and `boottime` are the clocks at the run's start."""

    def __init__(
        self, address: Address, wall: float, boottime: float, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._api = JsonApi("pager", address, transport)
        self._wall = wall
        self._ours = boottime
        self._boottime = boottime
        """What its clock showed when the run began."""
        self._last = 0

    def skip_to_now(self) -> None:
        """Forget what was delivered so far. Raises SignalUnavailable."""
        self._last = self._api.get("/deliveries", after=0)["last_seq"]

    def compare_clock(self, now: clocks.Now) -> ClockSeen:
        """How far its CLOCK_BOOTTIME is ahead of ours; from then on arrivals are told in ours."""
        seen = clocks.compare("the pager", self._ours, now, self._time)
        if self._boottime == self._ours and clocks.differ(seen):
            self._boottime = self._ours + seen.ahead_seconds
        return seen

    def _time(self) -> float:
        answer = self._api.get("/deliveries", after=self._last)
        if "boottime" not in answer:
            raise SignalUnavailable("pager: does not say what time it is")
        return float(answer["boottime"])

    def set_prometheus_zero(self, wall: float) -> None:
        """What Prometheus's clock showed when the run began: an alert's start is told by that one."""
        self._wall = wall

    def look(self, at: float) -> Iterator[PageSeen | MessageSeen | PagerSeen]:
        """The deliveries since the last look, then that it answered; never raises."""
        try:
            answer = self._api.get("/deliveries", after=self._last)
        except SignalUnavailable as error:
            yield PagerSeen(at, str(error))
            return
        for delivery in answer["deliveries"]:
            yield self._message(delivery) if delivery.get("kind") else self._page(delivery)
        self._last = answer["last_seq"]
        yield PagerSeen(at, None)

    def close(self) -> None:
        """Close its connections."""
        self._api.close()

    def _page(self, delivery: dict[str, Any]) -> PageSeen:
        # CLOCK_BOOTTIME is the same in every process and never set back, unlike the wall clock.
        arrived = delivery["boottime"] - self._boottime
        alerts = [self._alert(alert) for alert in delivery["alerts"] or []]
        return PageSeen(
            arrived,
            delivery["receiver"],
            delivery["accepted"],
            delivery["reason"] or "",
            alerts,
            delivery.get("truncated") or 0,
            delivery.get("groupKey") or "",
        )

    def _message(self, delivery: dict[str, Any]) -> MessageSeen:
        said = delivery["message"] or {}
        return MessageSeen(
            delivery["boottime"] - self._boottime,
            delivery["receiver"],
            delivery["kind"],
            delivery["accepted"],
            delivery["reason"] or "",
            *(said.get(name) or "" for name in ("status", "key", "severity", "title", "text")),
        )

    def _alert(self, alert: dict[str, Any]) -> PageAlert:
        labels = {name: value for name, value in alert["labels"].items() if name != "alertname"}
        fired_at = datetime.fromisoformat(alert["startsAt"]).timestamp() - self._wall
        return PageAlert(
            alert["labels"].get("alertname", ""), labels, alert["status"], fired_at, alert.get("annotations") or {}
        )
