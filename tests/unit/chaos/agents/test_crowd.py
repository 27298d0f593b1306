"""In a crowd only who got no answer waits; the others ask on."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace

from chaos.agents import crowd as agent
from chaos.agents.crowd import Crowd


class Asking:
    """Is answered or not, and counts how often it asked."""

    def __init__(self, counts, answered):
        self.counts, self.answered, self.asked = counts, answered, 0

    async def get(self, _):
        self.asked += 1
        await asyncio.sleep(0.005)
        self.counts.failed += not self.answered
        return self.answered


def test_who_is_answered_does_not_wait_because_another_is_not(monkeypatch):
    monkeypatch.setattr(agent, "_PAUSE_SECONDS", 2.0)  # far longer than all that is asked here takes
    told = {"host": "127.0.0.1", "port": 1, "users": 0, "reads": "orders"}
    crowd = Crowd(SimpleNamespace(arguments=told, report=lambda *_: None))
    answered, *refused = [Asking(crowd._counts, answered) for answered in (True, *[False] * 20)]
    crowd._users = [answered, *refused]

    async def until_asked():
        crowding = asyncio.ensure_future(crowd.run())
        while answered.asked < 30:  # noqa: ASYNC110  # what is looked at is a plain count
            await asyncio.sleep(0)
        crowding.cancel()
        with suppress(asyncio.CancelledError):
            await crowding

    asyncio.run(asyncio.wait_for(until_asked(), 15))
    assert max(one.asked for one in refused) < answered.asked / 3
