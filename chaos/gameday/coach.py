"""A practice round explains itself: what can be done now, once for each thing that happens."""

from collections.abc import Collection

from chaos.facts.game import (
    Acknowledged,
    Acted,
    AnyGameFact,
    Claimed,
    Escalated,
    HoldEnded,
    InjectTold,
    Paged,
    Ready,
    Revealed,
)

_SAID: dict[type[AnyGameFact], str] = {
    Ready: "Look at the dashboards, or wait: a page comes when an alert has fired and its group has waited.",
    Paged: "A page. `ack` and its number takes it, `book` and its number shows the runbook.",
    Acknowledged: "Who takes a page looks into it. Say what you think early, and how sure you are: `claim`; `what`"
    " lists what can be named. You may change your mind, the last claim counts.",
    Escalated: "Nobody took it in time. In a real night somebody else is woken now.",
    Claimed: "Users come before certainty: what would end their pain? `do` has it done, `hint` tells a little more.",
    Acted: "Did it help? When users are well, `over` says so; the game looks whether it is true.",
    InjectTold: "Somebody wants to know. `answer`, its number, and what you know: a guess is worse than a time.",
    HoldEnded: "What was broken is put back. Alerts take a while to notice; the debrief comes when they have.",
    Revealed: "The debrief has everything beside what was possible. Write down what you will change, who, until when.",
}


class Coach:
    """Explains each kind of thing once; `only`: these kinds."""

    def __init__(self, only: Collection[type[AnyGameFact]] = _SAID) -> None:
        self._left = {kind: words for kind, words in _SAID.items() if kind in only}

    def explains(self, fact: AnyGameFact) -> str:
        """What to say about it; empty where that was said."""
        return self._left.pop(type(fact), "")
