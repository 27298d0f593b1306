"""What happened in a round, one line a fact, as people say it."""

from chaos.facts import game
from chaos.facts.game import AnyGameFact
from chaos.report import durations


def line(fact: AnyGameFact) -> str:
    """One fact in words; nothing in it says what is broken before that is revealed."""
    match fact:
        case game.RoundBegan():
            return f"the round begins; sealed as {fact.commitment}"
        case game.Ready():
            return "all is well, and from now on something may be broken"
        case game.Paged():
            what = "; ".join(fact.alerts)
            if not fact.firing:
                # What its summary says is true no longer.
                return f"a page is over: {what}"
            return f"PAGE {fact.number}: {what}{f' - {fact.summary}' if fact.summary else ''}"
        case game.Acknowledged():
            return f"{fact.who} takes page {fact.page}"
        case game.Escalated():
            return f"nobody took page {fact.page}: {fact.to} is told"
        case game.Claimed():
            return f"{fact.who} says: {fact.component}, {fact.family}, {fact.confidence:.0%} sure"
        case game.Noted():
            return f"{fact.who} notes: {fact.text}"
        case game.Asked():
            return f"{fact.who} wants: {fact.action}"
        case game.Acted():
            return f"{'done' if fact.done else 'NOT done'}: {fact.detail}"
        case _:
            return _of_knowledge(fact)


def _of_knowledge(fact: AnyGameFact) -> str:
    match fact:
        case game.HintAsked():
            return f"{fact.who} wants a hint"
        case game.HintGiven():
            return f"hint {fact.place}: {fact.text}"
        case game.RunbookOpened():
            return f"{fact.who} reads the runbook of page {fact.page}"
        case game.TruthShown():
            return f"{fact.who} has looked at the truth"
        case _:
            return _of_the_table(fact)


def _of_the_table(fact: AnyGameFact) -> str:
    match fact:
        case game.InjectTold():
            seconds = fact.within_seconds
            within = "" if seconds is None else f" (answer within {durations.spoken(seconds)})"
            return f"{fact.sender} ({fact.number}): {fact.text}{within}"
        case game.Answered():
            return f"{fact.who} answers {fact.inject}: {fact.text}"
        case game.Joined():
            return f"{fact.who} is here, as {fact.role}"
        case game.Steered():
            by = f" by {durations.spoken(fact.seconds)}" if fact.seconds else ""
            return f"{fact.who}, the host: {fact.how}{by}"
        case game.Declared():
            return f"{fact.who} says that it is over"
        case game.Declined():
            return f"it is not over: {fact.why}"
        case game.HoldEnded():
            broken_off = fact.how == "broken off"
            return "the round is broken off" if broken_off else f"what was broken is put back: {fact.how}"
        case game.Revealed():
            return "the round is over, and the seal is open"
    raise AssertionError(type(fact))
