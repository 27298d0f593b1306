"""Users of somebody else's stack: they send what its target file says, as often as the weights say."""

import random
import time
from urllib.parse import urljoin, urlsplit

from chaos.load import prepared
from chaos.load.answer import Answer
from chaos.load.locustfile import PacedUser
from chaos.load.prepared import Prepared
from chaos.reach import kept
from chaos.spec.loads import PathsLoad

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MOST_REDIRECTS = 10


def path_user(load: PathsLoad, base_url: str) -> type[PacedUser]:
    """One who sends what this load says. Raises SignalUnavailable when something that it needs is not there."""
    requests = prepared.of(load, base_url)
    weights = [one.weight for one in requests]
    context = kept.context(base_url, load.ca, load.certificate) if load.ca or load.certificate else None

    class PathUser(PacedUser):
        tls = context

        def ask(self) -> None:
            [one] = random.choices(requests, weights)
            self._timed(one.name, lambda: self._ask(one, load.redirects == "follow"))

        def _ask(self, one: Prepared, follows: bool) -> Answer:
            method, url, body, headers = one.method, f"{self.host}{one.path}", one.body, one.headers(time.monotonic())
            for _ in range(1 + _MOST_REDIRECTS):
                answer = self._exchange(method, url, one.name, headers, body, one.expected)
                if answer.status not in _REDIRECTS or answer.location is None:
                    return answer
                if not follows:
                    return _ends_here(answer, "is not followed")
                there = _on_the_same_server(url, answer.location)
                if there is None:
                    # Nobody has said that load may be put on that one, and it must not learn who we are.
                    return _ends_here(answer, "leads to another server and is not followed")
                url = there
                if answer.status == 303 or (answer.status not in {307, 308} and method == "POST"):
                    method, body = ("HEAD" if method == "HEAD" else "GET"), None
                    headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
            return Answer(answer.status, f"redirected {_MOST_REDIRECTS} times", answer.served_by)

        tasks = [ask]  # noqa: RUF012  # Locust's way

    return PathUser


def _on_the_same_server(url: str, location: str) -> str | None:
    """Where an answer from `url` sends its user; None where that is another server, or nobody can tell."""
    try:
        there = urljoin(url, location).partition("#")[0]
        return there if _origin(there) == _origin(url) else None
    except ValueError:
        return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    split = urlsplit(url)
    return split.scheme, split.hostname, split.port or {"http": 80, "https": 443}.get(split.scheme)


def _ends_here(answer: Answer, why: str) -> Answer:
    """The same; where it is no expected one it says what became of the redirect."""
    if answer.error is None:
        return answer
    return Answer(answer.status, f"{answer.error}, a redirect that {why}", answer.served_by)
