"""The shop with nothing of what makes it seen: no spans, no metrics, no lines in the log; for comparison only.

The services have no switch for this, as nobody should run them blind. So what they observe with is taken away here,
before they are composed; what is left is the same code on the same way.
"""

from contextlib import AbstractAsyncContextManager, nullcontext

from prometheus_client import Counter, Gauge, Histogram

from services.kit import service
from services.kit.http import request
from services.shop.main import create_app as create_observed_app


class Unobserved(request.RequestMiddleware):
    """Serves requests under their deadline and says nothing about them."""

    async def _observed(self, scope, receive, send):
        await self._serve(scope, receive, send)


def create_app():
    """Return the shop."""

    def nothing(*_: object, **__: object) -> None:
        return None

    def no_lag(_registry: object) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    for metric, methods in ((Counter, ["inc"]), (Gauge, ["inc", "dec", "set"]), (Histogram, ["observe"])):
        for method in methods:
            setattr(metric, method, nothing)
    service.RequestMiddleware = Unobserved  # type: ignore[misc]
    service.LoopLag = no_lag  # type: ignore[assignment,misc]
    return create_observed_app()
