"""The machine as a witness: how long its processes waited for a CPU, as the kernel counts it.

A user who waits because the machine is short of CPU looks like one who waits because of the fault.
Source: pressure stall information, https://docs.kernel.org/accounting/psi.html
"""

import re
from pathlib import Path

from chaos.facts.processes import MachineSeen

PRESSURE = Path("/proc/pressure/cpu")


def look(at: float) -> list[MachineSeen]:
    """For how long, in seconds since boot, some process that could run had no CPU; nothing on a kernel without PSI."""
    try:
        found = re.search(r"^some .*total=(\d+)", PRESSURE.read_text(), re.MULTILINE)
    except OSError:
        return []
    return [MachineSeen(at, int(found[1]) / 1e6)] if found else []
