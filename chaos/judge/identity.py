"""Which of Prometheus's alerts is which of Alertmanager's: on the way it adds its external labels."""

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.facts.alert_key import Key, key_of
from chaos.facts.alerts import AlertmanagerSeen
from chaos.facts.pages import PageSeen
from chaos.facts.recording import Facts


@dataclass(frozen=True, slots=True)
class Identities:
    """The alerts that Alertmanager had or sent, and the labels that all of them carry: what may have been added."""

    known: frozenset[Key]
    common: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, recording: Facts) -> "Identities":
        """From all that Alertmanager said and the pager was sent."""
        keys = {
            key_of(alert.name, alert.labels) for look in recording.all(AlertmanagerSeen) for alert in look.alerts or []
        }
        keys |= {key_of(alert.name, alert.labels) for page in recording.all(PageSeen) for alert in page.alerts}
        common = frozenset.intersection(*(frozenset(labels) for _, labels in keys)) if keys else frozenset()
        return cls(frozenset(keys), common)

    def key(self, name: str, labels: Mapping[str, str]) -> Key:
        """The alert as Alertmanager has it; as Prometheus has it where it was never sent."""
        own = key_of(name, labels)
        if own in self.known:
            return own
        # External labels are added to every alert, where it has none of that name.
        added = {label: value for label, value in self.common if label not in labels}
        sent = key_of(name, {**labels, **added})
        return sent if sent in self.known else own
