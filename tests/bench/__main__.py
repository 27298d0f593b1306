"""`make bench`: a stack of its own, up and down again; exit code 1 if a bound does not hold.

`python -m tests.bench connections`, `observed` or `outage` measures one of the parts.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from compose import runtime
from compose.settings import from_environment
from tests.bench import connections, outage
from tests.bench.observability import Measured
from tests.conftest import TEST_PORT_BASE, Stack


def main(parts: list[str]) -> int:
    with TemporaryDirectory(prefix="stormdrill-bench-", dir="/var/tmp") as folder:
        os.environ |= {"STORMDRILL_PORT_BASE": TEST_PORT_BASE, "STORMDRILL_STATE": str(Path(folder) / "state")}
        # What a user's settings would change is not what is measured.
        for name in [name for name in os.environ if name.startswith(("SHOP_", "INVENTORY_", "PAGER_"))]:
            del os.environ[name]
        # Postgres runs as a user of its own.
        Path(folder).chmod(0o755)
        settings, fine = from_environment(), True
        try:
            stack = Stack(settings, runtime.up(settings, _say), dict(os.environ))
            if "connections" in parts:
                fine = connections.report(stack)
            if "observed" in parts:
                measured = Measured()
                measured.measure(stack)
                fine = measured.report() and fine
            if "outage" in parts:
                fine = outage.report(stack) and fine
        finally:
            runtime.down(settings, _say)
    return 0 if fine else 1


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["connections", "observed", "outage"]))
