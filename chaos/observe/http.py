"""Asks a stack's own HTTP APIs for JSON, with a deadline on every call."""

from typing import Any

import httpx

from chaos import ask
from chaos.errors import SignalUnavailable

TIMEOUT_SECONDS = 2.0


class JsonApi:
    """One server's API. Calls raise SignalUnavailable when there is no usable answer within `timeout` seconds."""

    def __init__(
        self,
        name: str,
        base_url: str,
        transport: httpx.BaseTransport | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._name = name
        self._client = httpx.Client(
            base_url=base_url, timeout=timeout, transport=transport, trust_env=False, verify=ask.certificates()
        )

    def get(self, path: str, **parameters: str | float) -> Any:
        """The decoded answer."""
        try:
            answer = self._client.get(path, params=parameters)
            if answer.status_code == httpx.codes.BAD_REQUEST:
                # The server says in its own words what is wrong with the question.
                raise SignalUnavailable(f"{self._name}: {answer.text[:300]}")
            answer.raise_for_status()
            return answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise SignalUnavailable(f"{self._name}: {path}: {type(error).__name__}: {error}".splitlines()[0]) from error

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def is_application(url: str, name: str, transport: httpx.BaseTransport | None = None) -> bool:
    """Whether a browser finds the application of this name there, rather than a page that stands in for one.

    Jaeger built without its pages answers with text that names them, and no script. Takes 2 s at most; never raises.
    """
    with httpx.Client(
        timeout=TIMEOUT_SECONDS, transport=transport, trust_env=False, verify=ask.certificates(), follow_redirects=True
    ) as client:
        try:
            answer = client.get(url)
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
    return answer.is_success and name in answer.text and "<script" in answer.text
