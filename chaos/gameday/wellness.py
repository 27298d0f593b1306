"""Whether a round is over for its people: users are well, for long enough, and no page is open."""

from dataclasses import dataclass

from chaos.drill.context import RunContext
from chaos.facts.pages import PageSeen
from chaos.judge import users_now

WELL_FOR_SECONDS = 2 * users_now.LOOKS_BACK_SECONDS
"""So long in a row users have to have been well: a fault that comes and goes has quiet moments."""
_LOOKS_EVERY_SECONDS = 1.0


@dataclass(slots=True)
class Wellness:
    """Looked at about once a second; what was not looked at is not well."""

    context: RunContext
    heartbeat_receiver: str
    _looked: float = float("-inf")
    _well_since: float | None = None
    _hurt: tuple[str, ...] = ()

    def look(self) -> None:
        """See how users are; to be called a few times a second."""
        now = self.context.now()
        if now < self._looked + _LOOKS_EVERY_SECONDS:
            return
        live = self.context.recorder.live
        stood_still = now > self._looked + WELL_FOR_SECONDS
        self._looked, self._hurt = now, tuple(users_now.hurt(live, now))
        well = users_now.can_tell(live.experiment) and not self._hurt
        self._well_since = None if not well else now if self._well_since is None or stood_still else self._well_since

    def users_are_well(self) -> bool:
        """Whether they have been for long enough, as far as anybody can tell."""
        return self._well_since is not None and self.context.now() >= self._well_since + WELL_FOR_SECONDS

    def amiss(self) -> str:
        """Why it is not over, in words; empty when it is."""
        if not users_now.can_tell(self.context.recorder.live.experiment):
            return "nothing here says how users are: an action or a repair ends it, or its limit"
        if self._hurt:
            return f"users still feel it: {'; '.join(self._hurt)}"
        if not self.users_are_well():
            return f"users have not been well for {WELL_FOR_SECONDS:.0f} s yet"
        if pages := self._open_pages():
            return f"the pager still says that this fires: {', '.join(pages)}"
        return ""

    def _open_pages(self) -> list[str]:
        last: dict[tuple[str, tuple[tuple[str, str], ...]], bool] = {}
        for page in self.context.recorder.live.all(PageSeen):
            if page.accepted and page.receiver != self.heartbeat_receiver:
                last |= {(one.name, tuple(sorted(one.labels.items()))): one.status == "firing" for one in page.alerts}
        return sorted({name for (name, _), fires in last.items() if fires})
