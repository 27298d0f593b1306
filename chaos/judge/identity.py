"""Which of Prometheus's alerts is which of Alertmanager's: on the way it adds external labels and changes others."""

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.facts.alert_key import Key, key_of
from chaos.facts.alerts import AlertHistory, AlertmanagerSeen, AlertsSent, PrometheusSeen
from chaos.facts.pages import PageSeen
from chaos.facts.recording import Facts
from chaos.spec import relabel


@dataclass(frozen=True, slots=True)
class Identities:
    """The alerts that Alertmanager had or sent, and which of them may be one that had fewer labels in Prometheus."""

    known: frozenset[Key]
    unclaimed: Mapping[str, tuple[Key, ...]]
    """Of those, by name, what no alert of Prometheus's is as it stands: something was added to them on the way."""
    sent: AlertsSent | None = None
    """What Prometheus makes of labels on the way; None where it did not tell."""

    @classmethod
    def of(cls, recording: Facts) -> "Identities":
        """From all that Alertmanager said and the pager was sent."""
        keys = {
            key_of(alert.name, alert.labels) for look in recording.all(AlertmanagerSeen) for alert in look.alerts or []
        }
        keys |= {key_of(alert.name, alert.labels) for page in recording.all(PageSeen) for alert in page.alerts}
        own = {key_of(alert.name, alert.labels) for look in recording.all(PrometheusSeen) for alert in look.alerts}
        own |= {key_of(history.name, history.labels) for history in recording.all(AlertHistory)}
        unclaimed: dict[str, list[Key]] = {}
        for key in sorted(keys - own):
            unclaimed.setdefault(key[0], []).append(key)
        told = next((one for one in recording.all(AlertsSent) if one.error is None), None)
        return cls(frozenset(keys), {name: tuple(found) for name, found in unclaimed.items()}, told)

    def key(self, name: str, labels: Mapping[str, str]) -> Key:
        """The alert as Alertmanager has it; as Prometheus has it where it was never sent."""
        own = key_of(name, labels)
        if own in self.known:
            return own
        if (made := self._made_of(name, labels)) in self.known:
            return made
        # External labels are added, and an Alertmanager may have others' alerts too: the one that has all of ours.
        holding = [key for key in self.unclaimed.get(name, ()) if set(own[1]) <= set(key[1])]
        return holding[0] if len(holding) == 1 else own

    def _made_of(self, name: str, labels: Mapping[str, str]) -> Key:
        """What arrives of it by Prometheus's own configuration; as it is where that says nothing."""
        if self.sent is None:
            return key_of(name, labels)
        try:
            made = relabel.sent({**labels, "alertname": name}, self.sent.external, self.sent.relabel)
        except ValueError:
            return key_of(name, labels)
        return key_of(made.pop("alertname", ""), made)
