"""Alertmanager's silences, made and ended under one name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from chaos.errors import SignalUnavailable
from chaos.reach import entry, http
from chaos.spec.door import Address, doors

_ENDED = "expired"


class Silences:
    """Those that `who` made. Calls raise SignalUnavailable when Alertmanager does not take or answer them."""

    def __init__(self, address: Address, who: str, transport: httpx.BaseTransport | None = None) -> None:
        self._doors = doors(address)
        self.who = who
        self._transport = transport

    def make(self, alert: str, lasts: timedelta) -> str:
        """Silence every alert of this name; the silence's id."""
        now = datetime.now(UTC)
        asked = {
            "matchers": [{"name": "alertname", "value": alert, "isRegex": False, "isEqual": True}],
            "startsAt": now.isoformat(),
            "endsAt": (now + lasts).isoformat(),
            "createdBy": self.who,
            "comment": f"{self.who}: {alert}",
        }
        return str(self._ask("POST", "silences", json=asked)["silenceID"])

    def left(self) -> list[str]:
        """The ids of what is in force or to come."""
        made = [one for one in self._ask("GET", "silences") if one["createdBy"] == self.who]
        return [one["id"] for one in made if one["status"]["state"] != _ENDED]

    def end_all(self) -> int:
        """End what is in force or to come; how many that were."""
        left = self.left()
        for one in left:
            self._ask("DELETE", f"silence/{one}")
        return len(left)

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        # Those of one cluster tell each other: any that takes it will do.
        silent = []
        for door in self._doors:
            try:
                with entry.client(door, http.TIMEOUT_SECONDS, self._transport) as client:
                    answer = client.request(method, f"/api/v2/{path}", **content)
                answer.raise_for_status()
                return answer.json() if answer.content else None
            except (httpx.HTTPError, ValueError) as error:
                silent.append(entry.hidden(f"{path}: {type(error).__name__}: {error}", door))
        raise SignalUnavailable(f"Alertmanager: {'; '.join(silent) or 'the target names none'}")
