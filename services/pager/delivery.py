"""Deliveries: Alertmanager's webhook messages (version 4) and those for people, accepted or refused."""

import time
from dataclasses import asdict, dataclass

from pydantic import BaseModel, ConfigDict


class Alert(BaseModel):
    """One alert of a message; what else Alertmanager may say of it is left out."""

    model_config = ConfigDict(frozen=True)

    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: str  # noqa: N815  (Alertmanager's spelling, here and below)
    endsAt: str  # noqa: N815
    fingerprint: str
    generatorURL: str = ""  # noqa: N815

    @property
    def is_watchdog(self) -> bool:
        """Whether this is the alert that always fires, firing."""
        return self.status == "firing" and self.labels.get("alertname") == "Watchdog"


class Message(BaseModel):
    """One webhook message."""

    model_config = ConfigDict(frozen=True)

    version: str
    status: str
    groupKey: str  # noqa: N815
    alerts: tuple[Alert, ...]
    truncatedAlerts: int = 0  # noqa: N815


class Reading(BaseModel):
    """One message for people, as they and their service get it."""

    model_config = ConfigDict(frozen=True)

    status: str
    """`firing` or `resolved`; empty where the message does not say."""
    key: str = ""
    """Under which the service opens and closes; empty where it knows no such thing."""
    severity: str = ""
    title: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The moment a delivery came in."""

    received_at: float
    """Seconds since the epoch."""
    boottime: float
    """CLOCK_BOOTTIME in seconds: never set back, and counting while the machine sleeps."""

    @classmethod
    def now(cls) -> "Arrival":
        return cls(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME))


class Delivery(BaseModel):
    """One line of the journal."""

    model_config = ConfigDict(frozen=True)

    seq: int
    received_at: float
    boottime: float
    receiver: str
    accepted: bool
    reason: str | None
    """Why it was refused."""
    status: str | None
    groupKey: str | None  # noqa: N815
    alerts: tuple[Alert, ...]
    truncated: int = 0
    """How many more alerts Alertmanager left out, by its receiver's `max_alerts`."""
    kind: str = ""
    """What a message for people is sent by, such as `slack`; empty of the webhook that says which alerts fire."""
    message: Reading | None = None
    """What people read; None of a webhook, and of what could not be read."""

    @classmethod
    def of(
        cls,
        seq: int,
        arrival: Arrival,
        receiver: str,
        message: Message | None,
        reason: str | None = None,
    ) -> "Delivery":
        """Describe a delivery; one without a reason is accepted."""
        return cls(
            seq=seq,
            **asdict(arrival),
            receiver=receiver,
            accepted=reason is None,
            reason=reason,
            status=message.status if message else None,
            groupKey=message.groupKey if message else None,
            alerts=message.alerts if message else (),
            truncated=message.truncatedAlerts if message else 0,
        )

    @classmethod
    def for_people(
        cls,
        seq: int,
        arrival: Arrival,
        receiver: str,
        kind: str,
        reading: Reading | None,
        reason: str | None = None,
    ) -> "Delivery":
        """Describe a message of this kind; one without a reason is accepted."""
        return cls(
            seq=seq,
            **asdict(arrival),
            receiver=receiver,
            accepted=reason is None,
            reason=reason,
            status=reading.status if reading else None,
            groupKey=None,
            alerts=(),
            kind=kind,
            message=reading,
        )
